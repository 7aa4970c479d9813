//! Titles by a scripted model.

use std::time::Duration;

use openmake_agents::{TitleRequest, make_title};
use openmake_models::{ModelError, ThinkingLevel};
use openmake_types::TokenCounts;

use crate::script::{ABLE, Script, Step, stop, text, thinking, usage};

const REQUEST: TitleRequest<'static> = TitleRequest {
    model: "scripted",
    capabilities: ABLE,
    question: "러스트에서 벡터를 정렬하려면 어떻게 하나요?",
    answer: "`sort`를 쓰세요.",
};

#[tokio::test(start_paused = true)]
async fn a_title_is_cleaned_and_its_cost_is_known() {
    let script = Script::new(vec![Step::Say(vec![
        thinking("short"),
        text("**\"러스트 벡터"),
        text(" 정렬\"**"),
        usage(90, 9),
        stop(),
    ])]);
    let title = make_title(&script, &REQUEST).await.expect("a title");
    assert_eq!(title.text.as_deref(), Some("러스트 벡터 정렬"));
    assert_eq!(
        title.tokens,
        TokenCounts {
            input: 90,
            output: 9
        }
    );
    let request = &script.requests()[0];
    assert_eq!(request.thinking, Some(ThinkingLevel::Off));
    assert!(request.options.max_tokens.is_some_and(|most| most <= 100));
    assert!(request.messages[0].content.contains("정렬하려면"));
}

#[tokio::test(start_paused = true)]
async fn a_model_that_hangs_or_fails_gives_no_title() {
    let hangs = Script::new(vec![Step::Hang]);
    let began = tokio::time::Instant::now();
    let error = make_title(&hangs, &REQUEST).await.expect_err("no title");
    assert!(matches!(error, ModelError::Timeout(_)));
    assert_eq!(began.elapsed(), Duration::from_secs(15));
    assert_eq!(hangs.open_requests(), 0);

    let fails = Script::new(vec![Step::Refuse(ModelError::NoModelServer)]);
    assert_eq!(
        make_title(&fails, &REQUEST).await,
        Err(ModelError::NoModelServer)
    );
}
