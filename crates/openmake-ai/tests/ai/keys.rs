//! What a key may ask, and how much of it in a minute.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{Gate, ListedModel, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Key, Person, only};

const OTHER: &str = "other:1b";

async fn two_models() -> (TestDatabase, ModelServer) {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.set_models(vec![ListedModel::able(MODEL), ListedModel::able(OTHER)]);
    (db, model)
}

async fn listed(person: &Person) -> (Vec<String>, String, Value) {
    let list = person.call(Method::GET, "/api/v1/models", None).await.body;
    let items = list["items"].as_array().expect("items");
    let ids = items.iter().map(|item| item["id"].as_str().expect("an id"));
    let default = list["default_model"].as_str().expect("a default");
    (
        ids.map(str::to_owned).collect(),
        default.to_owned(),
        list["hint"].clone(),
    )
}

#[tokio::test]
async fn only_what_may_be_asked_is_listed_and_the_default_is_one_of_it() {
    let (db, model) = two_models().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let (all, default, hint) = listed(&person).await;
    assert!(all.len() > 2 && all.contains(&OTHER.to_owned()));
    assert_eq!((default.as_str(), hint), (MODEL, Value::Null));
    for (models, ids, default) in [
        (&[OTHER][..], &[OTHER][..], OTHER),
        (&[OTHER, MODEL], &[OTHER, MODEL], MODEL),
        // A profile comes before a real model.
        (
            &[OTHER, "openmake_llm"],
            &["openmake_llm", OTHER],
            "openmake_llm",
        ),
        // One that is gone cannot be the default of who has another.
        (&["gone:1b", OTHER], &[OTHER], OTHER),
    ] {
        let (mut found, given, hint) = listed(&person.with_key(only(models))).await;
        let mut ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        ids.sort();
        found.sort();
        assert_eq!((found, given.as_str()), (ids, default), "{models:?}");
        assert_eq!(hint, Value::Null);
    }
    let (none, _, hint) = listed(&person.with_key(only(&["gone:1b"]))).await;
    assert!(none.is_empty());
    assert!(hint.as_str().expect("a hint").contains("may ask"));
    app.finish().await;
}

#[tokio::test]
async fn a_model_that_may_not_be_asked_is_refused_however_it_is_named() {
    let (db, model) = two_models().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let key = person.with_key(only(&[OTHER]));
    for name in [MODEL, "openmake_auto", "nobody:1b"] {
        let refused = key
            .try_ask(json!({"content": "Hello?", "model": name}))
            .await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "model_not_allowed"),
            "{name}"
        );
        assert!(refused.body["hint"].is_string());
    }
    assert!(model.chats().is_empty());
    // Naming none asks one that may be asked.
    model.push(Script::text("Yes."));
    let begun = key.ask("Hello?").await;
    let events = person.events(&begun).await;
    assert_eq!(events[1].data["model"], OTHER);
    // Who may ask nothing at all is told so.
    let refused = person
        .with_key(only(&[]))
        .try_ask(json!({"content": "Hello?"}))
        .await;
    assert_eq!(refused.code(), "model_not_allowed");
    app.finish().await;
}

#[tokio::test]
async fn asking_again_and_going_on_are_asking() {
    let (db, model) = two_models().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let gate = Gate::closed();
    model.push(Script::gated("one two", &gate));
    let begun = person.ask("Count.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    gate.open(1);
    watch.until("text.delta").await;
    person.cancel(&begun).await;
    watch.rest().await;

    let key = person.with_key(only(&[OTHER]));
    for act in ["continue", "regenerate"] {
        let path = format!("/api/v1/turns/{}/{act}", begun.turn);
        let refused = key.post(&path).await;
        assert_eq!(
            (refused.status, refused.code()),
            (StatusCode::FORBIDDEN, "model_not_allowed"),
            "{act}"
        );
    }
    let path = format!("/api/v1/turns/{}/regenerate", begun.turn);
    model.push(Script::text("three"));
    let body = Some(json!({"model": OTHER}));
    let again = key.call(Method::POST, &path, body).await.begun();
    let events = person.events(&again).await;
    assert_eq!(events[1].data["model"], OTHER);
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_cost_its_tokens_waits_and_others_do_not() {
    let (db, model) = two_models().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let mut key = person.with_key(only(&[MODEL]));
    key.key = key.key.map(|key| Key {
        tokens_per_minute: Some(30),
        ..key
    });
    let left = |person: &Person| {
        let person = person.clone();
        async move {
            let request = Request::get("/api/v1/models").body(Body::empty());
            let answer = person.send(request.expect("a request")).await;
            let headers = answer.headers();
            let value = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
            (
                value("x-ratelimit-limit-tokens"),
                value("x-ratelimit-remaining-tokens"),
            )
        }
    };
    let text = |number: &str| Some(number.to_owned());
    assert_eq!(left(&key).await, (text("30"), text("30")));
    model.push(Script::new([
        Step::Text("Seoul.".to_owned()),
        Step::Usage {
            input: 21,
            output: 9,
        },
        Step::Finish("stop"),
    ]));
    let begun = key.ask("Which city?").await;
    key.events(&begun).await;
    let refused = key.try_ask(json!({"content": "And now?"})).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::TOO_MANY_REQUESTS, "key_tokens_limited")
    );
    assert_eq!(left(&key).await, (text("30"), text("0")));
    assert_eq!(left(&person).await, (None, None));
    model.push(Script::text("Busan."));
    let begun = person.with_key(only(&[MODEL])).ask("And now?").await;
    person.events(&begun).await;
    app.finish().await;
}
