//! The closed sets of words that settings take, each with the spellings accepted on input. No behaviour lives here.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Defines an enum of words: the first spelling is written, the others are accepted as well.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal $(| $alias:literal)*,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// Returns the spelling used in configuration files.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        // By hand, so that an error lists the written spellings only.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                match word.as_str() {
                    $($text $(| $alias)* => Ok(Self::$variant),)*
                    _ => Err(D::Error::unknown_variant(&word, &[$($text,)*])),
                }
            }
        }
    };
}

words! {
    /// When the user is asked before something runs. Every spelling of wire.md 4.2 is accepted in files too (the
    /// references refuse `unless-trusted` there).
    ApprovalPolicy {
        /// Ask for everything but known harmless commands.
        Untrusted = "untrusted" | "unlessTrusted" | "unless-trusted",
        /// Run in the sandbox, ask when it refused. Answered to clients as `on-request` (decisions.md).
        OnFailure = "on-failure" | "onFailure",
        /// The model decides when to ask.
        OnRequest = "on-request" | "onRequest",
        /// Never ask.
        Never = "never",
    }
}

words! {
    /// What commands may touch.
    SandboxMode {
        /// Read everywhere, write nowhere.
        ReadOnly = "read-only" | "readOnly",
        /// Write in the working directory and the configured roots.
        WorkspaceWrite = "workspace-write" | "workspaceWrite",
        /// No sandbox.
        DangerFullAccess = "danger-full-access" | "dangerFullAccess",
    }
}

words! {
    /// How much of a reasoning summary is asked for.
    ReasoningSummary {
        /// The model decides.
        Auto = "auto",
        /// Short.
        Concise = "concise",
        /// Long.
        Detailed = "detailed",
        /// None; the field is left out of requests.
        None = "none",
    }
}

words! {
    /// How long answers should be, for models that take the setting.
    Verbosity {
        /// Short.
        Low = "low",
        /// Usual.
        Medium = "medium",
        /// Long.
        High = "high",
    }
}

words! {
    /// The tone of the base instructions, for models that have more than one.
    Personality {
        /// No tone added.
        None = "none",
        /// Warm.
        Friendly = "friendly",
        /// Terse.
        Pragmatic = "pragmatic",
    }
}

words! {
    /// What the hosted web search tool may reach.
    WebSearchMode {
        /// The tool is not offered.
        Disabled = "disabled",
        /// Only the provider's cache.
        Cached = "cached",
        /// The provider's index (today's word; treated like the cache where a provider knows only two).
        Indexed = "indexed",
        /// The live web.
        Live = "live",
    }
}

words! {
    /// Which of the two request forms a provider speaks.
    WireApi {
        /// `POST <base>/responses`.
        Responses = "responses",
        /// `POST <base>/chat/completions`.
        Chat = "chat",
    }
}

words! {
    /// Where signed-in credentials are kept (auth.md section 4).
    CredentialsStore {
        /// `auth.json` in the home folder.
        File = "file",
        /// The system's keyring only.
        Keyring = "keyring",
        /// The keyring, else the file.
        Auto = "auto",
        /// Memory of this process only.
        Ephemeral = "ephemeral",
    }
}

words! {
    /// Where the OAuth credentials of MCP servers are kept.
    McpCredentialsStore {
        /// The keyring, else a file.
        Auto = "auto",
        /// A file in the home folder.
        File = "file",
        /// The system's keyring only.
        Keyring = "keyring",
    }
}

words! {
    /// The only way of signing in that is allowed, if one is forced.
    ForcedLoginMethod {
        /// With a ChatGPT account.
        Chatgpt = "chatgpt",
        /// With an API key.
        Api = "api",
    }
}

words! {
    /// Whether terminal clients keep a message history file; this server never writes it.
    HistoryPersistence {
        /// Keep every message.
        SaveAll = "save-all",
        /// Keep none.
        None = "none",
    }
}

words! {
    /// Which variables of our own environment commands start from.
    #[derive(Default)]
    EnvironmentInherit {
        /// All of them.
        #[default]
        All = "all",
        /// Those every program expects; see `shell_environment::CORE`.
        Core = "core",
        /// None.
        None = "none",
    }
}
