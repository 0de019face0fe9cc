//! What the browser is shown. The pages need nothing from anywhere: no scripts, no pictures, no fonts. What others wrote
//! is escaped.

/// Why a login ended, for people.
pub(super) fn failure(reason: &str) -> String {
    let text = format!("{}. Close this window and start again from your application.", escaped(reason));
    page("Sign-in failed", &text)
}

/// The login is done.
pub(super) fn success() -> String {
    page("Signed in", "You can close this window and go back to your application.")
}

fn page(title: &str, text: &str) -> String {
    format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 20vh auto 0; max-width: 32rem; padding: 0 1rem; overflow-wrap: anywhere; }}
h1 {{ font-size: 1.5rem; font-weight: 600; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
</body>
</html>
"#
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_cannot_bring_markup() {
        let page = failure(r#"</p><script>alert('1')</script>" & co"#);
        assert!(!page.contains("<script"), "{page}");
        assert!(
            page.contains(
                "<p>&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; &amp; co. Close"
            ),
            "{page}"
        );
    }

    #[test]
    fn pages_load_nothing() {
        for page in [success(), failure("No")] {
            for word in ["<script", "<link", "<img", "http:", "https:", "url(", "@import"] {
                assert!(!page.contains(word), "{word} in {page}");
            }
        }
    }
}
