//! The command line. It takes every form clients launch the reference in: options before or after the word
//! `app-server`, which may itself be missing (decisions, "Identity and launch").

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use app_server_config::{ConfigLoader, Environment, overrides};
use app_server_protocol::WIRE_LEVEL;
use app_server_sandbox::Launcher;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::logging::{self, Logs};
use crate::schema::{self, Language};
use crate::{Options, VERSION, demo};

/// The word clients put before or between the options; it says nothing here, as there is nothing else to run.
const PROGRAM_WORD: &str = "app-server";

const ABOUT: &str = "Runs a coding agent for an editor, an SDK or a bot: JSON-RPC messages, one per line, on stdin and stdout.";
const AFTER_HELP: &str = "Without a command, serves one client on stdin and stdout until stdin closes. \
Configuration is read from $CODEX_HOME/config.toml (default ~/.codex). Logs go to stderr: RUST_LOG chooses what, LOG_FORMAT=json how.

Try it without an account and without a network:
  app-server demo";

#[derive(Parser)]
#[command(name = "app-server", about = ABOUT, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    serve: ServeArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Args)]
struct ServeArgs {
    /// Overrides a setting, e.g. `-c model=gpt-5.5`; the value is TOML, or else plain text. Repeatable; the last wins.
    #[arg(short = 'c', long = "config", value_name = "KEY=VALUE", global = true)]
    config: Vec<String>,
    /// Switches a feature on, like `-c features.NAME=true`.
    #[arg(long, value_name = "NAME", global = true)]
    enable: Vec<String>,
    /// Switches a feature off, like `-c features.NAME=false`.
    #[arg(long, value_name = "NAME", global = true)]
    disable: Vec<String>,
    /// Where to serve. Only `stdio://` is available.
    #[arg(long, value_name = "URL", default_value = "stdio://", global = true)]
    listen: String,
    /// The same as `--listen stdio://`.
    #[arg(long, global = true)]
    stdio: bool,
    /// Accepted for clients of the reference; nothing is measured or sent.
    #[arg(long, global = true, hide = true)]
    analytics_default_enabled: bool,
    /// Accepted for clients of the reference; settings that are not known are always told of.
    #[arg(long, global = true, hide = true)]
    strict_config: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Writes TypeScript types of every message.
    GenerateTs(GenerateArgs),
    /// Writes JSON Schemas of every message.
    GenerateJsonSchema(GenerateArgs),
    /// Shows a conversation with the built-in scripted model: no account, no network.
    Demo(demo::DemoArgs),
    /// Says what holds sandboxed commands on this system. Exits with 0 if nothing is missing, else with 1.
    SandboxReport,
    /// Says who is signed in.
    Login {
        #[command(subcommand)]
        command: LoginCommand,
    },
}

#[derive(Args)]
struct GenerateArgs {
    /// The folder to write to; it is made if need be.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Includes experimental methods and fields.
    #[arg(long)]
    experimental: bool,
    /// Accepted for scripts of the reference; the output needs no formatter.
    #[arg(short, long, value_name = "BIN", hide = true)]
    prettier: Option<PathBuf>,
}

#[derive(Subcommand)]
enum LoginCommand {
    /// Exits with 0 if somebody is signed in, else with 1.
    Status,
}

/// Runs the program and returns its exit code.
///
/// # Errors
/// Whatever keeps it from doing what it was asked.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    // Clients look for `codex-cli X.Y.Z` in the answer and compare it with what they need.
    command = command.version(format!("{VERSION} (codex-cli {WIRE_LEVEL} compatible)"));
    let cli = match command.try_get_matches_from(without_program_word(arguments)) {
        Ok(matches) => Cli::from_arg_matches(&matches)?,
        Err(error) => {
            error.print()?;
            return Ok(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    let environment = Environment::capture();
    let logs = logging::start(&environment);
    match cli.command {
        None => serve(&cli.serve, environment, logs)?,
        Some(Command::GenerateTs(args)) => {
            schema::write(Language::TypeScript, args.experimental, &args.out)?;
        }
        Some(Command::GenerateJsonSchema(args)) => {
            schema::write(Language::JsonSchema, args.experimental, &args.out)?;
        }
        Some(Command::Demo(args)) => demo::main(&args)?,
        Some(Command::SandboxReport) => return sandbox_report(),
        Some(Command::Login { command: LoginCommand::Status }) => return login_status(&environment),
    }
    Ok(0)
}

fn serve(args: &ServeArgs, environment: Environment, logs: Logs) -> anyhow::Result<()> {
    if args.listen != "stdio://" {
        anyhow::bail!("cannot listen on {}: only stdio:// is available", args.listen);
    }
    if let Err(error) = app_server_sandbox::harden_process() {
        tracing::warn!(%error, "this process could not be shut off from others");
    }
    let helper = own_program();
    let overrides = args.overrides()?;
    let options = Options {
        environment,
        secrets: logs.secrets,
        logs: logs.ring,
        overrides,
        helper,
        system_folder: None,
        handles_signals: true,
    };
    crate::run(std::io::stdin(), std::io::stdout(), options)
}

/// This binary, for running it again as a helper. The link the system keeps goes on working when the file is replaced.
fn own_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("app-server"))
}

impl ServeArgs {
    fn overrides(&self) -> anyhow::Result<Vec<(String, toml::Value)>> {
        let mut settings = Vec::new();
        for argument in &self.config {
            settings.push(overrides::parse_override(argument)?);
        }
        settings.extend(self.enable.iter().map(|feature| overrides::feature_override(feature, true)));
        settings.extend(self.disable.iter().map(|feature| overrides::feature_override(feature, false)));
        Ok(settings)
    }
}

#[allow(
    clippy::print_stdout,
    reason = "this command's answer is for a person or a script, no client is connected"
)]
fn sandbox_report() -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let launcher = Launcher::new(own_program());
    let found = runtime.block_on(launcher.capabilities()).clone();
    let yes = |is: bool| if is { "yes" } else { "no" };
    if found.seatbelt {
        println!("Seatbelt                        yes");
    } else {
        println!("own namespaces                  {}", yes(found.namespaces));
        println!("own /proc                       {}", yes(found.fresh_proc));
        println!("own /dev                        {}", yes(found.private_dev));
        println!("own network                     {}", yes(found.network_namespace));
        println!("system call filter              {}", yes(found.seccomp));
        println!("Landlock                        version {}", found.landlock_abi);
    }
    println!("sandboxed commands can be run   {}", yes(found.usable()));
    for sentence in found.missing() {
        println!("- {sentence}");
    }
    Ok(u8::from(!found.is_full()))
}

#[allow(
    clippy::print_stdout,
    reason = "this command's answer is for a person or a script, no client is connected"
)]
fn login_status(environment: &Environment) -> anyhow::Result<u8> {
    let home = environment.codex_home()?;
    let config = ConfigLoader::new(Arc::new(environment.clone()), home, Vec::new());
    match app_server_core::signed_in(&config) {
        Some(how) => {
            println!("Logged in using {how}");
            Ok(0)
        }
        None => {
            println!("Not logged in");
            Ok(1)
        }
    }
}

/// Leaves out the first word that is neither an option nor an option's value, if it is the program's own name.
fn without_program_word(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    const WITH_VALUE: &[&str] = &["-c", "--config", "--enable", "--disable", "--listen"];
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    kept.extend(arguments.next());
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        if WITH_VALUE.contains(&text.as_ref()) {
            kept.push(argument);
            kept.extend(arguments.next());
        } else if text.starts_with('-') {
            kept.push(argument);
        } else {
            if text != PROGRAM_WORD {
                kept.push(argument);
            }
            break;
        }
    }
    kept.extend(arguments);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        let arguments = std::iter::once("app-server").chain(line.split_whitespace()).map(OsString::from);
        Cli::try_parse_from(without_program_word(arguments))
    }

    #[test]
    fn every_form_clients_launch() {
        for line in [
            "",
            "app-server",
            "app-server --listen stdio://",
            "app-server --stdio",
            "-c model=a app-server",
            "--config model=a --config x.y=1 app-server --listen stdio://",
            "app-server -c model=a --enable f --disable g --listen stdio://",
            "-c features.code_mode_host=true app-server --analytics-default-enabled",
            "app-server --strict-config",
        ] {
            let cli = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(cli.command.is_none(), "{line}");
            cli.serve.overrides().unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn generators_work_bare_and_after_the_word() {
        for line in [
            "generate-ts --out d",
            "app-server generate-ts --out d --prettier p",
            "-c a=b app-server generate-json-schema --experimental --out d",
            "generate-json-schema -o d",
        ] {
            assert!(
                parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).command.is_some(),
                "{line}"
            );
        }
    }

    #[test]
    fn the_word_as_a_value_is_kept() {
        let cli = parse("-c app-server app-server").unwrap();
        assert_eq!(cli.serve.config, ["app-server"]);
        assert!(parse("serve").is_err());
    }
}
