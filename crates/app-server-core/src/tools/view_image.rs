//! `view_image`: shows the model an image file. Nothing but an image leaves the machine this way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use app_server_protocol::v2::{ImageDetail, LegacyAppPathString, ThreadItemKind};
use serde::Deserialize;

use super::{Call, Output, Part, boundary};
use crate::clock::now_ms;
use crate::turn::{TurnContext, image_data_url};

#[derive(Deserialize)]
struct Arguments {
    path: String,
}

pub(super) async fn view_image(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let Arguments { path } = call.arguments()?;
    if !context.model_info.supports_images {
        return Err(Output::text("view_image is not allowed because you do not support image inputs"));
    }
    let path = context.settings.cwd.join(path);
    let shown = path.display().to_string();
    let boundary = boundary(context).await?;
    let unreadable = boundary.policy().map(|policy| policy.unreadable.clone()).unwrap_or_default();
    let read = tokio::task::spawn_blocking(move || read(&path, &unreadable)).await;
    let image_url = read.unwrap_or_else(|error| Err(error.to_string())).map_err(Output::text)?;
    let at_ms = now_ms();
    let kind = ThreadItemKind::ImageView { id: call.id.clone(), path: LegacyAppPathString(shown) };
    context.started(kind.clone(), at_ms);
    context.completed(&mut context.conversation.lock(), kind, at_ms, None);
    Ok(Output::parts(vec![Part::InputImage { image_url, detail: ImageDetail::High }]))
}

fn read(path: &Path, unreadable: &[PathBuf]) -> Result<String, String> {
    let shown = path.display();
    let metadata =
        std::fs::metadata(path).map_err(|error| format!("unable to locate image at `{shown}`: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("image path `{shown}` is not a file"));
    }
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if unreadable.contains(&real) {
        return Err(format!("unable to read image at `{shown}`: the sandbox does not allow it"));
    }
    image_data_url(path).map_err(|reason| format!("unable to process image at `{shown}`: {reason}"))
}
