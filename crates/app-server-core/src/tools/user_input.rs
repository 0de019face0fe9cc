//! `request_user_input`: questions to the person, in the modes that plan with one.

use std::collections::BTreeMap;
use std::sync::Arc;

use app_server_protocol::methods;
use app_server_protocol::v2::{
    ModeKind, ThreadActiveFlag, ToolRequestUserInputOption, ToolRequestUserInputParams,
    ToolRequestUserInputQuestion, ToolRequestUserInputResponse,
};
use serde::{Deserialize, Serialize};

use super::{Call, Output};
use crate::turn::{TurnContext, ask};

#[derive(Deserialize)]
struct Arguments {
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    id: String,
    header: String,
    question: String,
    #[serde(default)]
    options: Option<Vec<Choice>>,
}

#[derive(Deserialize)]
struct Choice {
    label: String,
    description: String,
}

/// The answers as the model reads them.
#[derive(Serialize)]
struct Answers<'a> {
    answers: BTreeMap<&'a str, Answer<'a>>,
}

#[derive(Serialize)]
struct Answer<'a> {
    answers: &'a [String],
}

pub(super) async fn request(context: &Arc<TurnContext>, call: &Call) -> Result<Output, Output> {
    let Arguments { questions } = call.arguments()?;
    if context.settings.mode != ModeKind::Plan {
        return Err(Output::text("request_user_input is unavailable in Default mode"));
    }
    if questions.is_empty() || questions.len() > 3 {
        return Err(Output::text("request_user_input takes one to three questions"));
    }
    let questions = questions.into_iter().map(|question| ToolRequestUserInputQuestion {
        header: question.header,
        id: question.id,
        is_other: true,
        is_secret: false,
        options: question.options.map(|options| {
            let option = |Choice { label, description }| ToolRequestUserInputOption { description, label };
            options.into_iter().map(option).collect()
        }),
        question: question.question,
    });
    let params = ToolRequestUserInputParams {
        auto_resolution_ms: None,
        is_blocking: true,
        item_id: call.id.clone(),
        questions: questions.collect(),
        thread_id: context.thread.id().to_owned(),
        turn_id: context.turn_id.clone(),
    };
    let waiting = context.thread.status.wait(ThreadActiveFlag::WaitingOnUserInput);
    let asked = ask::<methods::server::ItemToolRequestUserInput>(context, &params, Some(waiting)).await;
    // No answer is an answer without answers: the model has to do without.
    let answers = asked.map_or_else(|_| BTreeMap::new(), |ToolRequestUserInputResponse { answers }| answers);
    let answers = answers.iter().map(|(id, answer)| (id.as_str(), Answer { answers: &answer.answers }));
    let answers = Answers { answers: answers.collect() };
    serde_json::to_string(&answers).map(Output::text).map_err(|error| Output::text(error.to_string()))
}
