//! The language of rules files: calls with literal arguments, variables, and lists put together with `+`.
//! Must not know what a call means.
//!
//! It is the part of Starlark that rules are written in. Whatever else that language has is an error that names the
//! line, so that a rule is never taken for less than it says.

/// What is wrong, and in which line (from 1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) what: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    List(Vec<Value>),
}

/// A call at the top of the file.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) line: usize,
    pub(crate) name: String,
    /// Arguments in order; those with a name stand behind those without.
    pub(crate) arguments: Vec<(Option<String>, Value)>,
}

/// Lists in lists, and parentheses, no deeper than this.
const MAX_DEPTH: usize = 32;
/// Doubling a variable line by line would fill the memory of the machine.
const MAX_SIZE: usize = 1 << 20;

/// Reads a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Call>, Fault> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, variables: Vec::new() };
    let mut calls = Vec::new();
    while parser.peek() != &Token::End {
        if matches!(parser.peek(), Token::Newline | Token::Symbol(';')) {
            parser.at += 1;
            continue;
        }
        let line = parser.line();
        let name = parser.name()?;
        match parser.next() {
            Token::Symbol('=') => {
                let value = parser.value(0)?;
                parser.variables.retain(|(known, _)| *known != name);
                parser.variables.push((name, value));
            }
            Token::Symbol('(') => calls.push(Call { line, name, arguments: parser.arguments()? }),
            token => {
                return Err(fault(line, format!("expected a call or an assignment, found {}", token.name())));
            }
        }
        let line = parser.line();
        match parser.next() {
            Token::Newline | Token::Symbol(';') | Token::End => {}
            token => {
                return Err(fault(line, format!("expected the end of the line, found {}", token.name())));
            }
        }
    }
    Ok(calls)
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    Text(String),
    Symbol(char),
    Newline,
    End,
}

impl Token {
    fn name(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Text(_) => "a string".to_owned(),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::Newline => "the end of the line".to_owned(),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

fn fault(line: usize, what: impl Into<String>) -> Fault {
    Fault { line, what: what.into() }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    variables: Vec<(String, Value)>,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, token)| token)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |(line, _)| *line)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn name(&mut self) -> Result<String, Fault> {
        let line = self.line();
        match self.next() {
            Token::Name(name) => Ok(name),
            token => Err(fault(line, format!("expected a name, found {}", token.name()))),
        }
    }

    fn accept(&mut self, symbol: char) -> bool {
        let found = self.peek() == &Token::Symbol(symbol);
        self.at += usize::from(found);
        found
    }

    /// Reads up to the parenthesis that closes.
    fn arguments(&mut self) -> Result<Vec<(Option<String>, Value)>, Fault> {
        let mut arguments: Vec<(Option<String>, Value)> = Vec::new();
        while !self.accept(')') {
            let line = self.line();
            let named = matches!(self.tokens.get(self.at + 1), Some((_, Token::Symbol('='))));
            let name = if named { Some(self.name()?) } else { None };
            self.at += usize::from(named);
            if name.is_none() && arguments.last().is_some_and(|(name, _)| name.is_some()) {
                return Err(fault(line, "an argument without a name stands behind one with a name"));
            }
            if let Some(name) = &name
                && arguments.iter().any(|(known, _)| known.as_ref() == Some(name))
            {
                return Err(fault(line, format!("`{name}` is given twice")));
            }
            let value = self.value(0)?;
            arguments.push((name, value));
            self.separator(')')?;
        }
        Ok(arguments)
    }

    /// After an element comes a comma, or the end of the list.
    fn separator(&mut self, end: char) -> Result<(), Fault> {
        if self.accept(',') || self.peek() == &Token::Symbol(end) {
            return Ok(());
        }
        Err(fault(self.line(), format!("expected `,` or `{end}`, found {}", self.peek().name())))
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut value = self.term(depth)?;
        while self.peek() == &Token::Symbol('+') {
            let line = self.line();
            self.at += 1;
            value = match (value, self.term(depth)?) {
                (Value::Text(left), Value::Text(right)) => Value::Text(left + &right),
                (Value::List(left), Value::List(right)) => Value::List([left, right].concat()),
                _ => return Err(fault(line, "a string and a list cannot be put together")),
            };
            if size(&value) > MAX_SIZE {
                return Err(fault(line, "too long"));
            }
        }
        Ok(value)
    }

    fn term(&mut self, depth: usize) -> Result<Value, Fault> {
        let line = self.line();
        if depth > MAX_DEPTH {
            return Err(fault(line, "nested too deep"));
        }
        match self.next() {
            Token::Text(text) => Ok(Value::Text(text)),
            Token::Symbol('[') => {
                let mut items = Vec::new();
                let mut total = 0;
                while !self.accept(']') {
                    let item = self.value(depth + 1)?;
                    total += size(&item);
                    if total > MAX_SIZE {
                        return Err(fault(line, "too long"));
                    }
                    items.push(item);
                    self.separator(']')?;
                }
                Ok(Value::List(items))
            }
            Token::Symbol('(') => {
                let value = self.value(depth + 1)?;
                if self.accept(')') {
                    return Ok(value);
                }
                Err(fault(self.line(), format!("expected `)`, found {}", self.peek().name())))
            }
            Token::Name(name) => match self.variables.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => Ok(value.clone()),
                None => Err(fault(line, format!("`{name}` is not defined"))),
            },
            token => Err(fault(line, format!("expected a string or a list, found {}", token.name()))),
        }
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len() + 1,
        Value::List(items) => items.iter().map(size).sum::<usize>() + 1,
    }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens: Vec<(usize, Token)> = Vec::new();
    indented(text, 1)?;
    let mut line = 1;
    // Within brackets a line break is a space.
    let mut open = 0_usize;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\n' => {
                if open == 0 {
                    tokens.push((line, Token::Newline));
                    indented(after, line + 1)?;
                }
                line += 1;
                rest = after;
            }
            '#' => rest = &rest[rest.find('\n').unwrap_or(rest.len())..],
            ' ' | '\t' | '\r' => rest = after,
            '"' | '\'' => {
                let (value, length) = string(rest, c, false).map_err(|what| fault(line, what))?;
                tokens.push((line, Token::Text(value)));
                line += rest[..length].matches('\n').count();
                rest = &rest[length..];
            }
            'r' if after.starts_with(['"', '\'']) => {
                let quote = if after.starts_with('"') { '"' } else { '\'' };
                let (value, length) = string(after, quote, true).map_err(|what| fault(line, what))?;
                tokens.push((line, Token::Text(value)));
                line += after[..length].matches('\n').count();
                rest = &after[length..];
            }
            '(' | '[' | ')' | ']' | ',' | '=' | '+' | ';' => {
                match c {
                    '(' | '[' => open += 1,
                    ')' | ']' => open = open.saturating_sub(1),
                    _ => {}
                }
                tokens.push((line, Token::Symbol(c)));
                rest = after;
            }
            c if c == '_' || c.is_ascii_alphabetic() => {
                let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
                tokens.push((line, Token::Name(rest[..end].to_owned())));
                rest = &rest[end..];
            }
            c => return Err(fault(line, format!("unexpected `{}`", c.escape_default()))),
        }
    }
    tokens.push((line, Token::End));
    Ok(tokens)
}

/// A statement that is moved in belongs to a block, and there are none.
fn indented(rest: &str, line: usize) -> Result<(), Fault> {
    let content = rest.trim_start_matches([' ', '\t']);
    if content.len() < rest.len() && !content.is_empty() && !content.starts_with(['\n', '\r', '#']) {
        return Err(fault(line, "unexpected indentation"));
    }
    Ok(())
}

/// Reads a string that begins with `quote`; returns it and its length in the text.
fn string(text: &str, quote: char, raw: bool) -> Result<(String, usize), String> {
    let triple: String = std::iter::repeat_n(quote, 3).collect();
    let (begin, end) = if text.starts_with(&triple) { (3, triple.as_str()) } else { (1, &triple[..1]) };
    let mut value = String::new();
    let mut rest = &text[begin..];
    loop {
        if let Some(after) = rest.strip_prefix(end) {
            return Ok((value, text.len() - after.len()));
        }
        let Some(c) = rest.chars().next() else { return Err("a string does not end".to_owned()) };
        rest = &rest[c.len_utf8()..];
        match c {
            '\n' if end.len() == 1 => return Err("a string does not end".to_owned()),
            '\\' if raw => {
                value.push('\\');
                if let Some(c) = rest.chars().next() {
                    value.push(c);
                    rest = &rest[c.len_utf8()..];
                }
            }
            '\\' => rest = escape(rest, &mut value)?,
            c => value.push(c),
        }
    }
}

/// Reads what follows a backslash.
fn escape<'a>(text: &'a str, value: &mut String) -> Result<&'a str, String> {
    let Some(c) = text.chars().next() else { return Err("a string does not end".to_owned()) };
    let rest = &text[c.len_utf8()..];
    let digits = match c {
        '\n' => return Ok(rest),
        'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' | '\'' | '"' => 0,
        'x' => 2,
        'u' => 4,
        'U' => 8,
        c => return Err(format!("unknown escape `\\{}`", c.escape_default())),
    };
    let hex = rest.get(..digits).ok_or("an escape is too short")?;
    value.push(match c {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'v' => '\x0b',
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'x' | 'u' | 'U' if hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u32::from_str_radix(hex, 16).ok().and_then(char::from_u32).ok_or("an escape is no character")?
        }
        'x' | 'u' | 'U' => return Err("an escape is no number".to_owned()),
        c => c,
    });
    Ok(&rest[digits..])
}
