use proptest::prelude::*;

use super::*;

fn plain(source: &str, columns: usize) -> String {
    let lines = render(source, columns, Paint::Plain);
    let lines: Vec<String> = lines
        .iter()
        .map(|line| Paint::Plain.line(line).trim_end().to_owned())
        .collect();
    lines.join("\n")
}

const TOUR: &str = "\
# A title

Some *words*, **strong** and `code`, and a [link](https://example.com), and
<https://example.org>.

1. one
2. two
   - nested, and long enough to be wrapped
   - [x] done

> quoted
> text

```rust
fn main() {}
```

| name | count |
|------|------:|
| 사과 | 3 |
| pear | 12 |

---

The end.
";

#[test]
fn every_kind_of_block_has_its_form() {
    insta::assert_snapshot!(plain(TOUR, 34));
}

#[test]
fn a_narrow_terminal_gets_the_table_as_fields() {
    let table =
        "| a long name | another name | third |\n|-|-|-|\n| one | two | three |\n| 4 | 5 | 6 |";
    insta::assert_snapshot!(plain(table, 16));
}

#[test]
fn marks_stand_where_no_styles_are() {
    assert_eq!(plain("**a** `b`", 40), "**a** `b`");
    let styled = render("**a**", 40, Paint::Styled);
    assert_eq!(
        Paint::Styled.line(styled.first().expect("a line")),
        "\u{1b}[1ma\u{1b}[0m"
    );
}

#[test]
fn the_last_block_is_what_may_still_change() {
    assert_eq!(last_block("one"), 0);
    assert_eq!(last_block("one\n\ntwo"), 5);
    assert_eq!(last_block("one\n\n    code\n    more"), 5);
    assert_eq!(last_block("one\n```\ncode\n\nmore"), 4);
    assert_eq!(last_block("- a\n- b\n\n  more"), 0);
}

proptest! {
    #[test]
    fn no_line_is_too_long_and_nothing_breaks(source in "[ -~\\n가-하]{0,200}", columns in 12_usize..60) {
        for line in render(&source, columns, Paint::Plain) {
            // Marks of deep nesting may take all there is.
            let indent = Paint::Plain.line(&line).chars().take_while(|c| " │-•.0123456789".contains(*c)).count();
            prop_assert!(line_width(&line) <= columns + indent, "{line:?}");
        }
        prop_assert!(source.is_char_boundary(last_block(&source)));
    }
}
