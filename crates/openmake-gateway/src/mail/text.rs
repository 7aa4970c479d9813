//! What mails say, in the languages of the page.

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
    Japanese,
    Chinese,
}

impl Language {
    /// The language with this name on the wire.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "ko" => Some(Self::Korean),
            "en" => Some(Self::English),
            "ja" => Some(Self::Japanese),
            "zh-CN" => Some(Self::Chinese),
            _ => None,
        }
    }
}

/// The mail with a link that sets a new password.
pub(crate) struct PasswordReset<'a> {
    pub(crate) instance: &'a str,
    pub(crate) url: &'a str,
    pub(crate) minutes: i64,
}

impl PasswordReset<'_> {
    /// Its subject.
    pub(crate) fn subject(&self, language: Language) -> String {
        let instance = self.instance;
        match language {
            Language::Korean => format!("{instance} 비밀번호 재설정"),
            Language::English => format!("Reset your {instance} password"),
            Language::Japanese => format!("{instance} のパスワード再設定"),
            Language::Chinese => format!("重置您的 {instance} 密码"),
        }
    }

    /// Its text.
    pub(crate) fn body(&self, language: Language) -> String {
        let Self {
            instance,
            url,
            minutes,
        } = self;
        match language {
            Language::Korean => format!(
                "{instance} 계정의 비밀번호 재설정이 요청되었습니다.\n\n\
                 {minutes}분 안에 아래 링크를 열어 새 비밀번호를 설정하세요. 링크는 한 번만 사용할 수 있습니다.\n\n\
                 {url}\n\n\
                 요청하지 않으셨다면 이 메일을 무시하세요. 비밀번호는 그대로 유지됩니다.\n"
            ),
            Language::English => format!(
                "Someone asked to reset the password of your {instance} account.\n\n\
                 Open this link within {minutes} minutes to set a new one. It works once.\n\n\
                 {url}\n\n\
                 If it was not you, ignore this mail: your password stays as it is.\n"
            ),
            Language::Japanese => format!(
                "{instance} アカウントのパスワード再設定が要求されました。\n\n\
                 {minutes} 分以内に次のリンクを開き、新しいパスワードを設定してください。リンクは一度だけ使えます。\n\n\
                 {url}\n\n\
                 心当たりがない場合は、このメールを無視してください。パスワードは変わりません。\n"
            ),
            Language::Chinese => format!(
                "有人请求重置您的 {instance} 帐户密码。\n\n\
                 请在 {minutes} 分钟内打开以下链接设置新密码。该链接只能使用一次。\n\n\
                 {url}\n\n\
                 如果不是您本人操作，请忽略此邮件，您的密码不会改变。\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_names_the_instance_and_the_link() {
        let mail = PasswordReset {
            instance: "Our Chat",
            url: "https://chat.example.com/reset-password#token=abc",
            minutes: 60,
        };
        for name in ["ko", "en", "ja", "zh-CN"] {
            let language = Language::parse(name).expect("known");
            assert!(mail.subject(language).contains("Our Chat"), "{name}");
            let body = mail.body(language);
            for part in ["Our Chat", mail.url, "60"] {
                assert!(body.contains(part), "{name}: {part}");
            }
        }
        assert_eq!(Language::parse("fr"), None);
    }
}
