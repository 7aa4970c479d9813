//! The kinds of notes.

use serde::{Serialize, Serializer};

/// What happened to a row, in a word. The list is closed: a note of no class
/// cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// An earlier run brought it.
    AlreadyCarried,
    /// What it belongs to was deleted here since.
    DeletedSince,
    /// A second row of the same id.
    Duplicate,
    /// There is nothing in it that this product needs.
    NothingToCarry,
    /// Its parent is gone, and such rows are skipped.
    OrphanSkipped,
    /// Its parent is gone; it is in the holding place.
    OrphanHeld,
    /// It belongs to nobody; it is in the holding place.
    OwnerlessHeld,
    /// Something that must be unique is taken; it is in the holding place.
    ConflictHeld,
    /// It cannot work here any more; it is in the holding place.
    UnusableHeld,
    /// Another account of the source has the same e-mail.
    MergedSameEmail,
    /// An account here has the same e-mail.
    MergedExistingAccount,
    /// It became one with another row.
    Merged,
    /// A role that is not in the list became `user`.
    RoleUnknown,
    /// A guest's account became a user's that is switched off.
    GuestDeactivated,
    /// The account had no e-mail, and got an address to sign in with.
    AddressMade,
    /// The administrator with the published password is switched off.
    SeededDisabled,
    /// The password cannot be checked; the account needs a new one.
    PasswordUnusable,
    /// A value that is not in the list became the nearest that is.
    ValueUnknown,
    /// A value that must be there was not.
    ValueMissing,
    /// A time that cannot be read.
    TimeUnreadable,
    /// JSON that does not parse, kept as text.
    JsonInvalid,
    /// Text with NUL characters or bytes that are not UTF-8.
    TextInvalid,
    /// Text that is longer than its place, kept whole in the metadata.
    TextShortened,
    /// A number outside of what its column takes.
    NumberOutOfRange,
    /// A reference to something that is not there was left out.
    ReferenceDropped,
    /// A column that this product does not know, kept in the metadata.
    ExtraColumn,
    /// An encrypted token that no key opens, left out.
    TokenNotOpened,
    /// A file that has no place here, and stays where it is.
    FileLeft,
    /// It cannot be read.
    Unreadable,
    /// It is larger than is read.
    TooLarge,
    /// A message had lost what it follows, and follows the one before it.
    TreeMended,
    /// A kind of content that is not known; its text was kept.
    ContentUnknown,
    /// There is no place for it yet; it is in the holding place.
    NoPlaceHeld,
    /// An administrator elsewhere is a user here.
    RoleLowered,
    /// Something about the source as a whole.
    SourceRemark,
}

impl Class {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AlreadyCarried,
        Self::DeletedSince,
        Self::Duplicate,
        Self::NothingToCarry,
        Self::OrphanSkipped,
        Self::OrphanHeld,
        Self::OwnerlessHeld,
        Self::ConflictHeld,
        Self::UnusableHeld,
        Self::MergedSameEmail,
        Self::MergedExistingAccount,
        Self::Merged,
        Self::RoleUnknown,
        Self::GuestDeactivated,
        Self::AddressMade,
        Self::SeededDisabled,
        Self::PasswordUnusable,
        Self::ValueUnknown,
        Self::ValueMissing,
        Self::TimeUnreadable,
        Self::JsonInvalid,
        Self::TextInvalid,
        Self::TextShortened,
        Self::NumberOutOfRange,
        Self::ReferenceDropped,
        Self::ExtraColumn,
        Self::TokenNotOpened,
        Self::FileLeft,
        Self::Unreadable,
        Self::TooLarge,
        Self::TreeMended,
        Self::ContentUnknown,
        Self::NoPlaceHeld,
        Self::RoleLowered,
        Self::SourceRemark,
    ];

    /// The name that the report and the holding place use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AlreadyCarried => "already_carried",
            Self::DeletedSince => "deleted_since",
            Self::Duplicate => "duplicate",
            Self::NothingToCarry => "nothing_to_carry",
            Self::OrphanSkipped => "orphan_skipped",
            Self::OrphanHeld => "orphan_held",
            Self::OwnerlessHeld => "ownerless_held",
            Self::ConflictHeld => "conflict_held",
            Self::UnusableHeld => "unusable_held",
            Self::MergedSameEmail => "merged_same_email",
            Self::MergedExistingAccount => "merged_existing_account",
            Self::Merged => "merged",
            Self::RoleUnknown => "role_unknown",
            Self::GuestDeactivated => "guest_deactivated",
            Self::AddressMade => "address_made",
            Self::SeededDisabled => "seeded_disabled",
            Self::PasswordUnusable => "password_unusable",
            Self::ValueUnknown => "value_unknown",
            Self::ValueMissing => "value_missing",
            Self::TimeUnreadable => "time_unreadable",
            Self::JsonInvalid => "json_invalid",
            Self::TextInvalid => "text_invalid",
            Self::TextShortened => "text_shortened",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::ReferenceDropped => "reference_dropped",
            Self::ExtraColumn => "extra_column",
            Self::TokenNotOpened => "token_not_opened",
            Self::FileLeft => "file_left",
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::TreeMended => "tree_mended",
            Self::ContentUnknown => "content_unknown",
            Self::NoPlaceHeld => "no_place_held",
            Self::RoleLowered => "role_lowered",
            Self::SourceRemark => "source_remark",
        }
    }

    /// Whether a row with such a note was changed on its way.
    pub const fn is_repair(self) -> bool {
        matches!(
            self,
            Self::RoleUnknown
                | Self::GuestDeactivated
                | Self::AddressMade
                | Self::SeededDisabled
                | Self::PasswordUnusable
                | Self::ValueUnknown
                | Self::ValueMissing
                | Self::TimeUnreadable
                | Self::JsonInvalid
                | Self::TextInvalid
                | Self::TextShortened
                | Self::NumberOutOfRange
                | Self::ReferenceDropped
                | Self::TreeMended
                | Self::ContentUnknown
                | Self::RoleLowered
                | Self::TokenNotOpened
        )
    }

    /// Whether an administrator should read each such note.
    pub(super) const fn wants_attention(self) -> bool {
        matches!(
            self,
            Self::MergedSameEmail
                | Self::MergedExistingAccount
                | Self::RoleUnknown
                | Self::GuestDeactivated
                | Self::AddressMade
                | Self::SeededDisabled
                | Self::PasswordUnusable
                | Self::RoleLowered
                | Self::TokenNotOpened
                | Self::UnusableHeld
                | Self::SourceRemark
        )
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
