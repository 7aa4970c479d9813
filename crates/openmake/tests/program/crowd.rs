//! Many turns at once.

use std::collections::BTreeSet;

use testkit::model::Script;

use crate::support::{Person, World, all, assert_whole, count_to, text_of};

const TURNS: usize = 200;
const PEOPLE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_turns_at_once_each_get_their_own_answer() {
    let world = World::start().await;
    let texts: BTreeSet<String> = (0..TURNS)
        .map(|turn| format!("Answer {turn}: {}", count_to(20)))
        .collect();
    for text in &texts {
        world.model.push(Script::text(text));
    }
    let mut people = vec![world.person.clone()];
    for number in 1..PEOPLE {
        let email = format!("person{number}@example.com");
        people.push(Person::register(world.program.base_url(), &email).await);
    }
    let conversations = all(people.iter().cycle().take(TURNS).map(Person::conversation)).await;
    let ended =
        all(people
            .iter()
            .cycle()
            .zip(&conversations)
            .map(|(person, conversation)| async move {
                let begun = person.ask(conversation, "Count.").await;
                let events = person.events(&begun).await;
                let message = person.message(conversation, &begun.answer).await;
                (events, message)
            }))
        .await;
    let mut seen = BTreeSet::new();
    for (events, message) in &ended {
        assert_whole(events);
        assert_eq!(events.last().expect("an end").name, "turn.completed");
        let text = text_of(events);
        assert_eq!(message["content"], text);
        assert_eq!(message["status"], "complete");
        seen.insert(text);
    }
    assert_eq!(seen, texts);
}
