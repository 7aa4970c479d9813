//! What mails say, in the languages of the page.

use openmake_api::ApiError;

/// A language that mails are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
    Japanese,
    Chinese,
}

impl Language {
    /// The language that a request names; English unless it does.
    pub(crate) fn of(name: Option<&str>) -> Result<Self, ApiError> {
        name.map_or(Some(Self::English), Self::parse)
            .ok_or_else(|| {
                ApiError::field("language", "invalid", "`language` is ko, en, ja or zh-CN.")
            })
    }

    /// The language with this name on the wire.
    fn parse(name: &str) -> Option<Self> {
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

/// The mail that tells of an account's other e-mail, to the one before.
pub(crate) struct EmailChanged<'a> {
    pub(crate) instance: &'a str,
    pub(crate) new: &'a str,
}

impl EmailChanged<'_> {
    /// Its subject.
    pub(crate) fn subject(&self, language: Language) -> String {
        let instance = self.instance;
        match language {
            Language::Korean => format!("{instance} 계정의 이메일이 변경되었습니다"),
            Language::English => format!("The e-mail of your {instance} account was changed"),
            Language::Japanese => {
                format!("{instance} アカウントのメールアドレスが変更されました")
            }
            Language::Chinese => format!("您的 {instance} 帐户邮箱已更改"),
        }
    }

    /// Its text.
    pub(crate) fn body(&self, language: Language) -> String {
        let Self { instance, new } = self;
        match language {
            Language::Korean => format!(
                "{instance} 계정의 이메일이 다음 주소로 변경되었습니다.\n\n\
                 {new}\n\n\
                 앞으로는 새 주소로 로그인합니다. 직접 변경하지 않으셨다면 곧바로 관리자에게 알려 주세요.\n"
            ),
            Language::English => format!(
                "The e-mail of your {instance} account was changed to\n\n\
                 {new}\n\n\
                 You sign in with the new address from now on. If it was not you who changed it, \
                 tell an administrator at once.\n"
            ),
            Language::Japanese => format!(
                "{instance} アカウントのメールアドレスが次のものに変更されました。\n\n\
                 {new}\n\n\
                 今後は新しいアドレスでサインインしてください。心当たりがない場合は、すぐに管理者へご連絡ください。\n"
            ),
            Language::Chinese => format!(
                "您的 {instance} 帐户邮箱已更改为\n\n\
                 {new}\n\n\
                 今后请使用新地址登录。如果不是您本人更改的，请立即告知管理员。\n"
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
            let changed = EmailChanged {
                instance: "Our Chat",
                new: "kim@new.example",
            };
            assert!(changed.subject(language).contains("Our Chat"), "{name}");
            for part in ["Our Chat", "kim@new.example"] {
                assert!(changed.body(language).contains(part), "{name}: {part}");
            }
        }
        assert_eq!(Language::parse("fr"), None);
    }
}
