//! What programs of the client said, put together: into how many deltas output is cut is chance.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// The notifications that have it.
const DELTAS: [&str; 2] = ["command/exec/outputDelta", "process/outputDelta"];

/// What a stream said, and whether it reached its limit.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Said {
    pub(crate) bytes: Vec<u8>,
    is_capped: bool,
}

/// Whether a message is a piece of such output.
pub(crate) fn is_output(message: &Value) -> bool {
    message["method"].as_str().is_some_and(|method| DELTAS.contains(&method))
}

/// Puts the pieces together, by method, process and stream.
pub(crate) fn said(messages: &[Value]) -> BTreeMap<(String, String), Said> {
    let mut streams: BTreeMap<(String, String), Said> = BTreeMap::new();
    for message in messages.iter().filter(|message| is_output(message)) {
        let params = &message["params"];
        let stream = format!("{}{} {}", params["processId"], params["processHandle"], params["stream"]);
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        let said = streams.entry((method, stream)).or_default();
        said.bytes.extend(
            BASE64_STANDARD.decode(params["deltaBase64"].as_str().unwrap_or_default()).unwrap_or_default(),
        );
        said.is_capped |= params["capReached"] == true;
    }
    streams
}
