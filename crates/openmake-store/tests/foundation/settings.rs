use openmake_store::settings::{InstanceSettings, SettingsChange};
use testkit::database::TestDatabase;

use crate::fixtures::{act, recorded};

#[tokio::test]
async fn what_is_not_set_is_absent_and_what_is_not_changed_stays() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let fresh = store.settings().get().await.expect("readable");
    assert_eq!(
        fresh,
        InstanceSettings {
            instance_name: None,
            registration: None,
            guests_allowed: None,
            default_model: None,
            version: 1,
        }
    );
    let named = SettingsChange {
        instance_name: Some("우리 집".to_owned()),
        guests_allowed: Some(true),
        ..SettingsChange::default()
    };
    store
        .settings()
        .change(&named, &act("settings.change"))
        .await
        .expect("changed");
    let closed = SettingsChange {
        registration: Some("closed"),
        default_model: Some("openmake_llm".to_owned()),
        ..SettingsChange::default()
    };
    let then = store
        .settings()
        .change(&closed, &act("settings.change"))
        .await
        .expect("changed");
    assert_eq!(
        then,
        InstanceSettings {
            instance_name: Some("우리 집".to_owned()),
            registration: Some("closed".to_owned()),
            guests_allowed: Some(true),
            default_model: Some("openmake_llm".to_owned()),
            version: 3,
        }
    );
    assert_eq!(store.settings().get().await.expect("readable"), then);
    assert_eq!(recorded(store, "settings.change").await.len(), 2);
}
