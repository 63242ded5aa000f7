//! What the SDKs and `legwork adapter new` give runs, and passes `legwork adapter check`.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails"
)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use serde_json::{Value, json};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn legwork(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_legwork"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

/// Checks an adapter: nothing fails, and the only warnings are those of the probes named.
fn passes(subject: &Path, warned: &[&str]) {
    let subject = subject.display().to_string();
    let (code, said) = legwork(&["adapter", "check", "--json", "--deadline", "60", &subject]);
    let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{subject}: {said}"));
    let of = |verdict: &str| -> Vec<&str> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["verdict"] == verdict)
            .map(|finding| finding["probe"].as_str().unwrap())
            .collect()
    };
    assert_eq!(of("fail"), Vec::<&str>::new(), "{report:#}");
    assert_eq!(of("warn"), warned, "{report:#}");
    assert_eq!(code, Some(0));
}

/// Whether a program is on this machine. That of Go takes no options for it.
fn is_here(program: &str) -> bool {
    let tells = |word: &str| {
        let asked = Command::new(program)
            .arg(word)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    tells("--version") || tells("version")
}

fn compile(sources: &[PathBuf], flags: &[&str], to: &Path) -> ExitStatus {
    compile_with("cc", sources, flags, to)
}

fn compile_with(compiler: &str, sources: &[PathBuf], flags: &[&str], to: &Path) -> ExitStatus {
    Command::new(compiler)
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"])
        .args(flags)
        .arg("-I")
        .arg(here("sdk/c"))
        .args(sources)
        .arg("-o")
        .arg(to)
        .stderr(Stdio::inherit())
        .status()
        .unwrap()
}

/// An example of the Rust SDK, which `cargo test` builds beside the tests unless it is told which tests to build.
fn example(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_legwork"))
        .with_file_name("examples")
        .join(name);
    if !path.is_file() {
        let built = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--offline",
                "--package",
                "legwork",
                "--example",
                name,
            ])
            .status();
        assert!(built.unwrap().success());
    }
    path
}

/// What a program answers to requests, one a line.
fn answers(program: &str, arguments: &[&Path], requests: &[String]) -> Vec<Value> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = requests.join("\n") + "\n";
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let replies: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(replies.len(), requests.len(), "{said}");
    replies
}

/// What a program answers to requests about its one function: the value, a refusal, and that there is no other
/// function.
fn derives(program: &str, arguments: &[&Path]) {
    let ask = |seq: u32, function: &str, token: &str| {
        let token = hex::encode(token);
        format!(
            r#"{{"seq":{seq},"op":"derive","package":"canned","function":"{function}","values":{{"token":"{token}"}}}}"#
        )
    };
    let lines = [
        ask(1, "answer", "hello"),
        ask(2, "answer", "it is me"),
        ask(3, "question", "hello"),
    ];
    let replies = answers(program, arguments, &lines);
    let value = &replies[0]["outcome"]["values"]["value"];
    assert_eq!(*value, hex::encode("who is there?"), "{replies:?}");
    let refusal = &replies[1]["outcome"];
    assert!(
        refusal["values"].is_null() && refusal["status"]["code"] != "complete",
        "{replies:?}"
    );
    assert_eq!(
        replies[2]["unsupported"]["what"], "derive:question",
        "{replies:?}"
    );
}

#[test]
fn the_python_example_passes() {
    passes(&here("sdk/python"), &[]);
    derives("python3", &[&here("sdk/python/example.py")]);
}

#[test]
fn the_rust_example_passes() {
    passes(&example("canned"), &[]);
    derives(&example("canned").display().to_string(), &[]);
}

#[test]
fn the_c_example_passes_plain_and_sanitized() {
    let folder = tempfile::tempdir().unwrap();
    let sources = ["sdk/c/legwork_adapter.c", "sdk/c/example.c"].map(here);
    let program = folder.path().join("canned");
    assert!(compile(&sources, &["-O2"], &program).success());
    passes(&program, &[]);
    derives(&program.display().to_string(), &[]);
    // Not every compiler has the sanitizers' libraries.
    let sanitized = folder.path().join("sanitized");
    let empty = folder.path().join("empty.c");
    fs::write(&empty, "int main(void) { return 0; }\n").unwrap();
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    if compile(&[empty], &flags, &sanitized).success() {
        assert!(compile(&sources, &flags, &sanitized).success());
        let description = format!("name: canned\ncommand: [{sanitized:?}]\nsanitized: true\n");
        fs::write(folder.path().join("subject.yaml"), description).unwrap();
        passes(folder.path(), &[]);
        derives(&sanitized.display().to_string(), &[]);
    }
}

/// That it works there takes a Windows.
#[test]
fn the_c_sdk_compiles_for_windows() {
    let compiler = "x86_64-w64-mingw32-gcc";
    if !is_here(compiler) {
        eprintln!("SKIPPED: there is no {compiler}; install it to compile sdk/c for Windows");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for program in ["sdk/c/example.c", "tests/planted/answers.c"] {
        let sources = ["sdk/c/legwork_adapter.c", program].map(here);
        let to = folder.path().join("adapter.exe");
        assert!(compile_with(compiler, &sources, &["-O2"], &to).success());
    }
}

#[test]
fn answers_in_c_hold_what_a_library_said() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("answers");
    let sources = ["sdk/c/legwork_adapter.c", "tests/planted/answers.c"].map(here);
    assert!(compile(&sources, &["-O2"], &program).success());
    let requests = ["query", "sign", "verify"].map(|operation| format!(r#"{{"seq":1,"op":"{operation}"}}"#));
    let replies = answers(&program.display().to_string(), &[], &requests);
    let values = &replies[0]["outcome"]["values"];
    let text = |utf16: &str, text: &str| json!({ "utf16": utf16, "text": text });
    assert_eq!(values["pair"], text("61003dd800dee900", "a\u{1F600}\u{E9}"));
    assert_eq!(
        values["halves"],
        text("00de3dd862003dd8", "\u{FFFD}\u{FFFD}b\u{FFFD}")
    );
    assert_eq!(values["empty"], text("", ""));
    assert_eq!(values["string"], "0x00000030");
    let status = json!({"namespace": "gss", "code": "0x000d0000", "minor": "0x4e540001", "mechanism": "ntlmssp",
        "message": "a \"message\""});
    assert_eq!(replies[1]["outcome"]["status"], status);
    let bare = json!({"namespace": "gss", "code": "0x00000000", "minor": "0x00000000"});
    assert_eq!(replies[2]["outcome"]["status"], bare);
}

#[test]
fn a_byte_written_outside_a_buffer_ends_the_adapter() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("overrun");
    let sources = ["sdk/c/legwork_adapter.c", "tests/planted/overrun.c"].map(here);
    assert!(compile(&sources, &["-O0"], &program).success());
    let ends = |operation: &str| {
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let line = format!("{{\"seq\":1,\"op\":\"{operation}\"}}\n");
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        child.wait().unwrap()
    };
    assert!(ends("query").success(), "every byte of a buffer is the library's");
    assert_eq!(
        ends("sign").code(),
        None,
        "a byte behind the buffer is on the guard page"
    );
    assert_eq!(
        ends("seal").code(),
        None,
        "a byte before the buffer is looked at afterwards"
    );
}

/// Writes a skeleton and checks that it says that it drives nothing, and no more.
fn skeleton_runs(language: &str, needs: &str, build: &[&str]) {
    if !is_here(needs) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let subject = folder.path().join("my-stack");
    let (code, said) = legwork(&["adapter", "new", language, &subject.display().to_string()]);
    assert_eq!(code, Some(0), "{said}");
    if let [program, arguments @ ..] = build {
        let built = Command::new(program)
            .args(arguments)
            .current_dir(&subject)
            .status();
        assert!(built.unwrap().success());
    }
    passes(&subject, &["hello"]);
}

#[test]
fn the_skeletons_of_languages_that_are_here_run() {
    skeleton_runs("python", "python3", &[]);
    skeleton_runs("javascript", "node", &[]);
    skeleton_runs("java", "java", &[]);
    skeleton_runs("c", "make", &["make", "--silent"]);
    skeleton_runs("go", "go", &["go", "build", "-o", "adapter", "."]);
    skeleton_runs("csharp", "dotnet", &["dotnet", "build", "--nologo", "-o", "out"]);
}

#[test]
fn the_rust_skeleton_runs() {
    passes(&example("skeleton"), &["hello"]);
}

#[test]
fn every_skeleton_has_the_name_of_its_folder_and_takes_no_folder_that_holds_something() {
    let folder = tempfile::tempdir().unwrap();
    for language in ["rust", "python", "c", "go", "java", "csharp", "javascript"] {
        let subject = folder.path().join(format!("my-{language}"));
        let to = subject.display().to_string();
        let (code, said) = legwork(&["adapter", "new", language, &to]);
        assert_eq!(code, Some(0), "{said}");
        let paths = said.lines().take_while(|line| !line.is_empty());
        let texts: Vec<String> = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
        let name = format!("my-{language}");
        assert!(
            texts.len() >= 2 && texts.iter().filter(|text| text.contains(&name)).count() >= 2,
            "{language}"
        );
        assert!(texts.iter().all(|text| !text.contains("NAME")), "{language}");
        let (code, said) = legwork(&["adapter", "new", language, &to]);
        assert_eq!(code, Some(2));
        assert!(said.contains("not empty"), "{said}");
    }
    let (code, _) = legwork(&[
        "adapter",
        "new",
        "python",
        &folder.path().join("a b").display().to_string(),
    ]);
    assert_eq!(code, Some(2));
}
