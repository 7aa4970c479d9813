//! The calculator: what it computes, and that nothing makes it run away.
#![expect(
    clippy::expect_used,
    reason = "helpers of tests, outside of the functions that clippy knows as tests"
)]

use std::sync::Arc;
use std::time::Duration;

use openmake_tools::{Calculator, CalculatorLimits, Locale, Registry, ToolContext, ToolError};
use openmake_types::{SystemClock, ToolCall};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

fn context() -> ToolContext {
    ToolContext {
        clock: Arc::new(SystemClock),
        time_zone: None,
        locale: Locale::English,
        cancel: CancellationToken::new(),
    }
}

fn registry(time: Duration) -> Registry {
    let mut registry = Registry::new();
    registry
        .register(Arc::new(Calculator::new(CalculatorLimits {
            time,
            at_once: 2,
        })))
        .expect("a fresh registry");
    registry
}

fn calculate(expression: &str, time: Duration) -> Result<String, ToolError> {
    let call = ToolCall {
        id: "1".to_owned(),
        name: "calculator".to_owned(),
        arguments: serde_json::json!({ "expression": expression }).to_string(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let execution = runtime.block_on(registry(time).execute(&context(), &call));
    match execution.error {
        None => Ok(execution.result.content),
        Some(error) => Err(error),
    }
}

/// Long enough that a loaded machine finishes every ordinary expression.
const AMPLE: Duration = Duration::from_secs(20);

#[test]
fn computes() {
    for (expression, expected) in [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("-(3)^2", "-9"),
        ("2(3 + 4)(5)", "70"),
        ("0.1 + 0.2", "0.3"),
        ("2^64 - 1", "18446744073709551615"),
        ("2 ** 10", "1024"),
        ("1,234 + 1", "1235"),
        ("20!", "2432902008176640000"),
        ("1/3 to fraction", "1/3"),
        ("15% of 240", "36"),
        ("17 mod 5", "2"),
        ("sqrt(16) + cbrt(27)", "7"),
        ("sqrt(9)^2", "9"),
        ("abs(-5)!", "120"),
        ("√144", "12"),
        ("３×４", "12"),
        ("2³ + 2", "10"),
        ("log10(1000)", "approx. 3"),
        ("5 feet 10 inches to cm", "177.8 cm"),
        ("36 km/h to (m/s)", "10 m / s"),
        ("36 km/(1 h) to m/s", "10 m / s"),
        ("0xff to decimal", "255"),
        ("10 choose 3", "120"),
        ("((((((((((((((((((((1))))))))))))))))))))", "1"),
        (
            "1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-(1-1))))))))))))))))))))",
            "0",
        ),
    ] {
        let result = calculate(expression, AMPLE);
        assert_eq!(result.as_deref(), Ok(expected), "{expression}");
    }
    let pi = calculate("pi to 5 dp", AMPLE).expect("a value");
    assert!(pi.ends_with("3.14159"), "{pi}");
    let sine = calculate("sin(pi/6)^2 to 4 dp", AMPLE).expect("a value");
    assert!(sine.ends_with("0.25"), "{sine}");
}

#[test]
fn says_what_is_wrong() {
    for (expression, part) in [
        ("1 / 0", "zero"),
        ("foo + 1", "foo"),
        ("5 USD to KRW", "exchange rates"),
        ("3 kg to m", "kg"),
        ("x = 3", "`=`"),
        ("today", ""),
        ("(1", "brackets"),
        ("1 +", ""),
    ] {
        let error = calculate(expression, AMPLE).expect_err(expression);
        assert!(error.to_string().contains(part), "{expression}: {error}");
        assert!(
            !matches!(error, ToolError::TimedOut(_) | ToolError::Panicked),
            "{expression}"
        );
    }
    let long = "1+".repeat(501);
    let error = calculate(&long, AMPLE).expect_err("too long");
    assert!(error.to_string().contains("1002 characters"), "{error}");
}

/// Anything that would take for ever is stopped; what is only deep is not.
#[test]
fn hostile_expressions_end() {
    let brief = Duration::from_millis(200);
    for expression in [
        "9^9^9^9".to_owned(),
        "9^9^9".to_owned(),
        "1e999999999".to_owned(),
        "(10^10000000)!".to_owned(),
        "99999999!".to_owned(),
        "fib(99999999999)".to_owned(),
        "10^-(10^9)".to_owned(),
        "2^0.0000001".to_owned(),
        "square ".repeat(100) + "3",
        "(2^100003 - 1)/(3^70001 + 1) + (5^90001)/(7^80003)".to_owned() + " + 1/(11^99991)",
    ] {
        let error = calculate(&expression, brief);
        assert!(
            matches!(
                error,
                Err(ToolError::TimedOut(_) | ToolError::Failed(_)) | Ok(_)
            ),
            "{expression}: {error:?}"
        );
    }
    for expression in [
        "(".repeat(499) + "1" + &")".repeat(499),
        "1-(".repeat(249) + "1" + &")".repeat(249),
        "1-1-1-(".repeat(120) + "1" + &")".repeat(120),
        "1(".repeat(332) + "1" + &")".repeat(332),
        "a(".repeat(300) + "1 1" + &")".repeat(300),
        "-".repeat(999) + "1",
        "/".repeat(999) + "1",
        "1".to_owned() + &"!".repeat(999),
        "1^".repeat(499) + "1",
        "1+".repeat(499) + "1",
        "1-".repeat(499) + "1",
        "1*".repeat(499) + "1",
        "1 ".repeat(499) + "1",
        "1 m-".repeat(249) + "1 m",
        "m ".repeat(499) + "1",
        "sin ".repeat(249) + "1",
        "light ".repeat(160) + "1",
        "% of ".repeat(199) + "1",
        "1 m of ".repeat(142) + "1",
        "1^1 ".repeat(249) + "1",
        "abs(".repeat(199) + "-1" + &")".repeat(199),
    ] {
        let end = calculate(&expression, AMPLE);
        assert!(
            !matches!(end, Err(ToolError::TimedOut(_) | ToolError::Panicked)),
            "{expression}: {end:?}"
        );
    }
}

#[test]
fn a_long_result_is_cut() {
    let text = calculate("3000!", AMPLE).expect("a value");
    assert!(text.starts_with("4149359"), "{text}");
    assert!(text.ends_with("[output cut: 4096 of 9131 bytes]"), "{text}");
}

#[test]
fn a_dropped_call_gives_its_place_back() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let registry = registry(Duration::from_mins(10));
        let context = context();
        let call = |expression: &str| ToolCall {
            id: "1".to_owned(),
            name: "calculator".to_owned(),
            arguments: serde_json::json!({ "expression": expression }).to_string(),
        };
        let forever = [call("99999999!"), call("99999999!"), call("99999999!")];
        let all = futures_util::future::join_all(
            forever.iter().map(|call| registry.execute(&context, call)),
        );
        // Two run and one waits for a place; then the turn is cancelled.
        tokio::select! {
            _ = all => panic!("a factorial of a hundred million in no time"),
            () = tokio::task::yield_now() => context.cancel.cancel(),
        }
        let fresh = self::context();
        let execution = registry.execute(&fresh, &call("1 + 1")).await;
        assert_eq!(execution.result.content, "2");
    });
}

/// Pieces that make expressions which are nearly right more often than
/// arbitrary text is.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{1,4}",
        "[0-9]{1,3}\\.[0-9]{1,3}",
        "[0-9]e-?[0-9]{1,3}",
        prop::sample::select(vec![
            "+",
            "-",
            "*",
            "/",
            "^",
            "!",
            "%",
            "(",
            ")",
            " ",
            ",",
            "&",
            "|",
            " to ",
            " of ",
            " mod ",
            " per ",
            "sin",
            "sqrt(",
            "log(",
            "ln ",
            "fib ",
            "roman",
            "words",
            " to words",
            " to roman",
            "hex",
            " dp",
            "kg",
            "m",
            "km/h",
            "feet",
            "°",
            "℃",
            "i",
            "e",
            "pi",
            "light ",
            "0x",
            "0b1",
            "d6",
            "mean",
            "approx. ",
            "earth",
            "base",
            "sf",
            "₩",
            "$",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_ends(expression in ".{0,200}") {
        let end = calculate(&expression, Duration::from_millis(100));
        prop_assert_ne!(end, Err(ToolError::Panicked));
    }

    #[test]
    fn near_expressions_end(pieces in prop::collection::vec(piece(), 0..25)) {
        let expression = pieces.concat();
        // A panic of the evaluator is contained and reported; none is known.
        let end = calculate(&expression, Duration::from_millis(100));
        prop_assert_ne!(end, Err(ToolError::Panicked));
    }

    /// As deep as the length allows: the recursion has the stack that it needs.
    #[test]
    fn repeated_pieces_end(pieces in prop::collection::vec(piece(), 1..4), last in piece()) {
        let part = pieces.concat();
        let times = 990 / part.chars().count();
        let expression = part.repeat(times) + &last;
        let end = calculate(&expression, Duration::from_millis(100));
        prop_assert_ne!(end, Err(ToolError::Panicked));
    }

    #[test]
    fn integers_are_exact(a in any::<i64>(), b in 1..i64::MAX) {
        let (a, b) = (i128::from(a), i128::from(b));
        let expression = format!("(({a}) * ({b}) + {b}) / ({b})");
        prop_assert_eq!(calculate(&expression, AMPLE), Ok((a + 1).to_string()));
    }
}
