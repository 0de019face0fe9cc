//! User input as the model sees it.

use std::path::Path;

use app_server_protocol::v2::{ImageDetail, MediaSource, UserInput};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

/// The largest image file that is read; larger ones are named to the model instead.
const MAX_IMAGE_BYTES: u64 = 32 * 1024 * 1024;

/// A message of the model's history, composed by us.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'static str,
    role: &'a str,
    content: Vec<Part<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    InputText {
        text: std::borrow::Cow<'a, str>,
    },
    OutputText {
        text: std::borrow::Cow<'a, str>,
    },
    InputImage {
        #[serde(skip_serializing_if = "Option::is_none")]
        image_url: Option<std::borrow::Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        file_id: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<ImageDetail>,
    },
}

/// A message with one text part.
pub(crate) fn text_message(role: &str, text: &str) -> Box<RawValue> {
    message(role, vec![Part::InputText { text: text.into() }])
}

/// A message of the assistant's that is ours.
pub(super) fn assistant_message(text: &str) -> Box<RawValue> {
    message("assistant", vec![Part::OutputText { text: text.into() }])
}

/// The user's message. Parts that mean nothing to the model (mentions) are left out; a file that cannot be read is
/// named in words, so that neither the user nor the model is left guessing.
pub(super) fn user_message(input: &[UserInput]) -> Box<RawValue> {
    let mut images = 0;
    message("user", input.iter().flat_map(|part| parts(part, &mut images)).collect())
}

fn message(role: &str, content: Vec<Part<'_>>) -> Box<RawValue> {
    let message = Message { r#type: "message", role, content };
    #[allow(clippy::expect_used, reason = "strings and string keys always serialise")]
    serde_json::value::to_raw_value(&message).expect("a message is always JSON")
}

fn parts<'a>(input: &'a UserInput, images: &mut usize) -> Vec<Part<'a>> {
    let text = |text: String| vec![Part::InputText { text: text.into() }];
    match input {
        UserInput::Text { text, .. } => vec![Part::InputText { text: text.into() }],
        UserInput::Image { source: MediaSource::Url { url }, detail } => {
            image(images, Part::InputImage { image_url: Some(url.into()), file_id: None, detail: *detail })
        }
        UserInput::Image { source: MediaSource::File { file_id }, detail } => {
            image(images, Part::InputImage { image_url: None, file_id: Some(file_id), detail: *detail })
        }
        UserInput::LocalImage { path, detail } => match image_data_url(Path::new(path)) {
            Ok(url) => image(
                images,
                Part::InputImage { image_url: Some(url.into()), file_id: None, detail: *detail },
            ),
            Err(reason) => text(format!("[The image {path} could not be read: {reason}]")),
        },
        UserInput::Audio { .. } => text("[Audio input is not supported.]".to_owned()),
        UserInput::LocalAudio { path } => text(format!("[Audio input is not supported: {path}]")),
        UserInput::Skill { .. } | UserInput::Mention { .. } => Vec::new(),
    }
}

/// An image between two marks, so that the model can tell where it belongs among the words. The form of the marks is
/// the reference's, whose previews of threads leave it out (observed).
fn image<'a>(images: &mut usize, image: Part<'a>) -> Vec<Part<'a>> {
    *images += 1;
    let mark = format!("<image name=[Image #{images}]>");
    vec![Part::InputText { text: mark.into() }, image, Part::InputText { text: "</image>".into() }]
}

/// Reads an image file into a `data:` URL.
///
/// # Errors
/// Why it cannot be shown, in words; nothing of a file that is no image is returned.
pub(crate) fn image_data_url(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        // Reading a pipe would wait for whoever writes to it.
        return Err("it is not a file".to_owned());
    }
    let size = metadata.len();
    if size > MAX_IMAGE_BYTES {
        return Err(format!("it has {size} bytes, more than {MAX_IMAGE_BYTES}"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let mime = image_type(&bytes).ok_or("it is not a PNG, JPEG, GIF or WebP image")?;
    Ok(format!("data:{mime};base64,{}", STANDARD.encode(bytes)))
}

/// The type by content; a name proves nothing.
fn image_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &[UserInput], expected: &expect_test::Expect) {
        expected.assert_eq(user_message(input).get());
    }

    #[test]
    fn what_the_model_sees_of_input() {
        let text = UserInput::Text { text: "hi".to_owned(), text_elements: Vec::new() };
        let image = UserInput::Image { source: MediaSource::Url { url: "data:x".to_owned() }, detail: None };
        let mention = UserInput::Mention { name: "a".to_owned(), path: "app://a".to_owned() };
        check(
            &[text, image, mention],
            &expect_test::expect![[
                r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"},{"type":"input_text","text":"<image name=[Image #1]>"},{"type":"input_image","image_url":"data:x"},{"type":"input_text","text":"</image>"}]}"#
            ]],
        );
    }

    #[test]
    fn a_local_image_is_read_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bin");
        std::fs::write(&path, b"\x89PNG\r\n").unwrap();
        assert_eq!(image_data_url(&path).unwrap(), "data:image/png;base64,iVBORw0K");
        std::fs::write(&path, b"text").unwrap();
        assert!(image_data_url(&path).is_err());
        let gone = dir.path().join("gone").to_string_lossy().into_owned();
        let shown = user_message(&[UserInput::LocalImage { path: gone.clone(), detail: None }]);
        assert!(shown.get().contains(&gone));
    }
}
