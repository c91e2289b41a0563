//! What scripts do in containers: what they write and when, how they end, what probes find beside them.
//! Pods around them are `lives.rs`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kubedrill::sim::network::{Request, View};
use kubedrill::sim::nodes::images;
use kubedrill::sim::nodes::process::container::Start;
use kubedrill::sim::nodes::process::files::{Files, Mount, Volume};
use kubedrill::sim::nodes::process::processes::Sight;
use kubedrill::sim::nodes::process::sandbox::Sandbox;
use kubedrill::sim::nodes::process::tree::{Entry, Kept, Tree};
use rustix::time::{ClockId, clock_gettime};

pub(super) fn begin() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a time")
}

pub(super) fn at(seconds: i64) -> Timestamp {
    begin() + SignedDuration::from_secs(seconds)
}

fn folders() -> Tree {
    let folder = Entry::folder(begin());
    ["tmp", "var", "var/log", "etc"].into_iter().map(|path| (path.to_owned(), folder.clone())).collect()
}

pub(super) fn asked(image: &str, words: &[&str]) -> Start {
    let reference = image.to_owned();
    let image = images::resolve(image).expect("a known image");
    let mut tree = folders();
    for (path, text) in &image.files {
        let entry = Entry::file(text.clone(), begin());
        let path = path.trim_start_matches('/');
        for (at, _) in path.match_indices('/') {
            tree.entry(path[..at].to_owned()).or_insert(Entry::folder(begin()));
        }
        tree.insert(path.to_owned(), entry);
    }
    Start {
        script: None,
        image,
        reference,
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        args: Vec::new(),
        variables: [("HOME".to_owned(), "/root".to_owned()), ("NAME".to_owned(), "world".to_owned())].into(),
        variable_order: Vec::new(),
        folder: "/".to_owned(),
        files: Files::new(tree, Vec::new(), Ok(())),
        hostname: "web-0".to_owned(),
        memory: None,
        user: 0,
        group: 0,
        groups: Vec::new(),
        capabilities: Vec::new(),
        escalates: true,
        stdin: false,
        stdin_once: false,
        tty: false,
        address: "10.244.1.5".to_owned(),
        network: View::offline(),
        sight: Sight::Own,
    }
}

/// A sandbox in which one container runs.
fn running(start: Start) -> Sandbox {
    let mut sandbox = Sandbox::new(begin());
    sandbox.start("c", start).expect("it can be started");
    sandbox
}

/// What has been written by a time, each line with the seconds after the start.
fn log(sandbox: &mut Sandbox, seconds: i64) -> Vec<(i64, String)> {
    sandbox.run_until(at(seconds));
    let (lines, _) = sandbox.run("c").expect("it was started").log.lines(0);
    lines.into_iter().map(|line| (line.time.duration_since(begin()).as_secs(), line.text.to_string())).collect()
}

/// What a script writes and the code it ends with.
pub(super) fn outcome(image: &str, script: &str) -> (String, Option<i32>) {
    shell_outcome(image, "sh", script)
}

/// The same of another shell.
pub(super) fn shell_outcome(image: &str, shell: &str, script: &str) -> (String, Option<i32>) {
    let mut sandbox = running(asked(image, &[shell, "-c", script]));
    let lines: Vec<String> = log(&mut sandbox, 600).into_iter().map(|(_, line)| line).collect();
    (lines.join("\n"), sandbox.run("c").and_then(|run| run.end()).map(|end| end.code))
}

#[test]
fn scripts_write_and_end_as_in_a_shell() {
    for (script, written, code) in [
        ("echo hi", "hi", 0),
        ("echo a; echo b; exit 3", "a\nb", 3),
        ("true && echo yes || echo no", "yes", 0),
        ("false && echo yes || echo no", "no", 0),
        ("for i in 1 2 3; do echo n$i; done", "n1\nn2\nn3", 0),
        ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done", "1\n2\n3", 0),
        ("if [ -f /etc/none ]; then echo there; else echo gone; fi", "gone", 0),
        ("echo one > /tmp/a; echo two >> /tmp/a; cat /tmp/a", "one\ntwo", 0),
        ("echo hello $NAME \"$NAME\" '$NAME'", "hello world world $NAME", 0),
        ("echo ${X:-unset} ${NAME:+set} ${#NAME} ${NAME%ld}", "unset set 5 wor", 0),
        ("x=$(echo inner); echo \"<$x>\"", "<inner>", 0),
        ("printf '%s-%02d\\n' a 7", "a-07", 0),
        ("seq 1 5 | grep -v 3 | wc -l", "4", 0),
        ("echo b a c | tr ' ' '\\n' | sort | head -n 2", "a\nb", 0),
        ("f() { echo f $1; return 4; }; f x; echo $?", "f x\n4", 0),
        ("case $NAME in w*) echo match;; *) echo other;; esac", "match", 0),
        ("cat <<END\nhello $NAME\nEND\necho ok", "hello world\nok", 0),
        ("foo", "sh: foo: not found", 127),
        ("cat /none", "cat: can't open '/none': No such file or directory", 1),
        ("echo x > /none/y", "sh: can't create /none/y: nonexistent directory", 1),
        ("set -e; false; echo never", "", 1),
        ("set -e; if false; then echo a; fi; false || echo b; echo c", "b\nc", 0),
        ("trap 'echo bye' EXIT; echo hi", "hi\nbye", 0),
        ("echo one two three | while read a b; do echo \"$b\"; done", "two three", 0),
        ("(cd /tmp && pwd); pwd", "/tmp\n/", 0),
        ("touch /tmp/x /tmp/y; ls /tmp; rm /tmp/x; ls /tmp/*", "x\ny\n/tmp/y", 0),
        ("sleep 2 & sleep 1; wait; date +%S", "02", 0),
        ("hostname; echo $HOSTNAME", "web-0\nweb-0", 0),
        ("echo aGk= | base64 -d", "hi", 0),
        ("echo 'a:b:c' | cut -d: -f2; echo abc | sed 's/b/X/'", "b\naXc", 0),
        ("echo 'one two' | awk '{print $2}'", "two", 0),
        ("printf 'a 1\\nb 2\\nc 3\\n' | awk 'NR>1 && $2!=\"3\" {print $1, NR}'", "b 2", 0),
        ("eval 'echo a; echo b' | tail -n 1", "b", 0),
        ("fi", "sh: syntax error: unexpected \"fi\"", 2),
        ("test -d /tmp && [ a = a ] && [ 2 -gt 1 ] && ! [ -n '' ] && echo all", "all", 0),
        ("exec echo instead; echo never", "instead", 0),
        ("timeout 5 sleep 60; echo $?", "143", 0),
        ("yes | head -n 2", "y\ny", 0),
    ] {
        assert_eq!(outcome("busybox", script), (written.to_owned(), Some(code)), "{script}");
    }
}

#[test]
fn lines_are_found_and_edited() {
    for (script, written) in [
        ("seq 5 | sed -n '2,3p'", "2\n3"),
        ("seq 5 | sed -n '4,$p'", "4\n5"),
        ("seq 3 | sed '$d'", "1\n2"),
        ("seq 3 | sed '2!d'", "2"),
        ("seq 4 | sed '/2/,/3/d'", "1\n4"),
        ("seq 2 | sed '1a x'; seq 2 | sed '2i x'; seq 2 | sed '1c\\x'", "1\nx\n2\n1\nx\n2\nx\n2"),
        ("seq 4 | sed '2,3c x'; echo a | sed =", "1\nx\n4\n1\na"),
        ("echo key=value | sed 's/\\(.*\\)=\\(.*\\)/\\2 of \\1/'", "value of key"),
        ("echo key=value | sed -E 's/^([a-z]+)=(.*)$/[&] \\1/'", "[key=value] key"),
        ("echo aaa | sed 's/a/b/2; s/a/c/g'", "cbc"),
        ("printf 'ab\\nb\\n' | grep -x b", "b"),
        ("echo 'a1 b22' | grep -oE '[0-9]+'", "1\n22"),
        ("echo foobar foo-bar | grep -ow foo", "foo"),
        ("echo 'x+y' | grep -c 'x+y'; echo xxy | grep -c 'x\\+y'", "1\n1"),
    ] {
        assert_eq!(outcome("busybox", script), (written.to_owned(), Some(0)), "{script}");
    }
}

#[test]
fn time_passes_between_the_lines() {
    let mut sandbox = running(asked("busybox", &["sh", "-c", "while true; do echo hi; sleep 5; done"]));
    let expected: Vec<(i64, String)> = [0, 5, 10].into_iter().map(|second| (second, "hi".to_owned())).collect();
    assert_eq!(log(&mut sandbox, 12), expected);
    let mut sandbox = running(asked("busybox", &["sh", "-c", "date; sleep 3600"]));
    assert_eq!(log(&mut sandbox, 1), [(0, "Sun Mar  1 12:00:00 UTC 2026".to_owned())]);
    assert_eq!(sandbox.next_wake(), Some(at(3600)));
}

#[test]
fn probes_look_at_files_that_come_and_go() {
    let script = "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600";
    let mut sandbox = running(asked("busybox", &["/bin/sh", "-c", script]));
    let probe = ["cat", "/tmp/healthy"].map(str::to_owned);
    sandbox.run_until(at(10));
    assert_eq!(sandbox.exec("c", &probe).code, 0);
    sandbox.run_until(at(35));
    let failed = sandbox.exec("c", &probe);
    assert_eq!(
        (failed.code, failed.output.as_str()),
        (1, "cat: can't open '/tmp/healthy': No such file or directory\n")
    );
    let slow = sandbox.exec("c", &["sleep", "3"].map(str::to_owned));
    assert_eq!(slow.took.map(|took| took.as_secs()), Some(3));
    assert_eq!(sandbox.exec("c", &["tail", "-f", "/dev/null"].map(str::to_owned)).took, None, "it never ends");
}

#[test]
fn what_is_not_there_cannot_be_started() {
    let mut sandbox = Sandbox::new(begin());
    let why = sandbox.start("c", asked("nginx", &["foo"])).expect_err("no such program");
    assert!(why.ends_with("error during container init: exec: \"foo\": executable file not found in $PATH"), "{why}");
    let why =
        sandbox.start("c", asked("registry.k8s.io/coredns/coredns:v1.13.1", &["sh"])).expect_err("no shell in it");
    assert!(why.ends_with("exec: \"sh\": executable file not found in $PATH"), "{why}");
    let why = sandbox.start("c", asked("busybox", &["/bin/foo"])).expect_err("no such program");
    assert!(why.ends_with("exec: \"/bin/foo\": stat /bin/foo: no such file or directory"), "{why}");
}

#[test]
fn process_one_ends_on_sigterm_only_if_it_wants_to() {
    let code_after_term = |image: &str, words: &[&str]| {
        let mut sandbox = running(asked(image, words));
        sandbox.run_until(at(7));
        sandbox.run("c").expect("it runs").terminate();
        sandbox.run_until(at(20));
        sandbox.run("c").and_then(|run| run.end()).map(|end| end.code)
    };
    assert_eq!(code_after_term("busybox", &["sleep", "3600"]), None);
    assert_eq!(code_after_term("busybox", &["sh", "-c", "while true; do sleep 1; done"]), None);
    assert_eq!(code_after_term("nginx", &[]), Some(0));
    assert_eq!(code_after_term("busybox", &["sh", "-c", "trap 'exit 5' TERM; sleep 3600 & wait"]), Some(5));
    assert_eq!(
        code_after_term("busybox", &["sh", "-c", "trap 'echo bye; exit 0' TERM; while true; do sleep 2; done"]),
        Some(0)
    );
}

#[test]
fn servers_listen_and_answer() {
    let sandbox = running(asked("nginx:1.27", &[]));
    let front = sandbox.front();
    assert!(front.listens(80) && !front.listens(81));
    assert_eq!(front.get(80, &Request::of("/")).map(|reply| reply.map(|reply| reply.status)), Some(Ok(200)));
    assert_eq!(front.get(80, &Request::of("/nothing")).map(|reply| reply.map(|reply| reply.status)), Some(Ok(404)));
    let mut sandbox = running(asked(
        "busybox",
        &["sh", "-c", "mkdir -p /www; echo hello > /www/index.html; httpd -f -p 8080 -h /www"],
    ));
    sandbox.run_until(at(1));
    assert_eq!(
        sandbox.front().get(8080, &Request::of("/")).map(|reply| reply.map(|reply| reply.body)),
        Some(Ok("hello\n".to_owned()))
    );
}

#[test]
fn two_in_a_pod_cannot_have_the_same_port() {
    let mut sandbox = running(asked("nginx", &[]));
    sandbox.start("d", asked("nginx", &[])).expect("it can be started");
    sandbox.run_until(at(10));
    let second = sandbox.run("d").expect("it was started");
    assert_eq!(second.end().map(|end| end.code), Some(1));
    let last = second.log.lines(0).0.pop().map(|line| line.text.to_string());
    assert_eq!(last.as_deref(), Some("nginx: [emerg] still could not bind()"));
}

#[test]
fn a_sidecar_follows_what_another_container_writes() {
    let shared = Arc::new(Kept::default());
    let with_logs = |words: &[&str]| {
        let volume = Volume::Kept(shared.clone());
        let mount = Mount {
            path: "/var/log".to_owned(),
            volume,
            below: String::new(),
            read_only: false,
            mode: 0o777,
            group: 0,
            in_memory: None,
            own: false,
        };
        Start { files: Files::new(folders(), vec![mount], Ok(())), ..asked("busybox", words) }
    };
    let mut sandbox = Sandbox::new(begin());
    sandbox.start("c", with_logs(&["sh", "-c", "tail -n+1 -F /var/log/app.log"])).expect("started");
    let writer = "while true; do echo $(date +%S) tick >> /var/log/app.log; sleep 1; done";
    sandbox.start("w", with_logs(&["sh", "-c", writer])).expect("started");
    let lines = log(&mut sandbox, 3);
    let text: Vec<&str> =
        lines.iter().map(|(_, line)| line.as_str()).skip_while(|line| line.contains("can't open")).collect();
    assert_eq!(text, ["00 tick", "01 tick", "02 tick", "03 tick"]);
}

#[test]
fn who_takes_too_much_memory_is_killed() {
    let start = asked("polinux/stress", &["stress", "--vm", "1", "--vm-bytes", "250M", "--vm-hang", "1"]);
    let mut sandbox = running(Start { memory: Some(100 << 20), ..start });
    sandbox.run_until(at(5));
    let end = sandbox.run("c").and_then(|run| run.end()).expect("it has ended");
    assert_eq!((end.code, end.out_of_memory), (137, true));
}

#[test]
fn who_may_not_have_more_rights_stays_who_they_are() {
    for (escalates, user) in [(true, 0), (false, 1000)] {
        let start = asked("registry.k8s.io/e2e-test-images/nonewprivs:1.3", &["nnp"]);
        let lines = log(&mut running(Start { escalates, user: 1000, ..start }), 1);
        assert_eq!(lines, [(0, format!("Effective uid: {user}"))]);
    }
}

#[test]
fn a_database_without_its_password_complains_and_ends() {
    let mut sandbox = running(asked("mysql:8.0", &[]));
    let lines = log(&mut sandbox, 5);
    assert!(lines.iter().any(|(_, line)| line.contains("password option is not specified")), "{lines:?}");
    assert_eq!(sandbox.run("c").and_then(|run| run.end()).map(|end| end.code), Some(1));
}

#[test]
fn a_busy_loop_and_a_fork_bomb_cost_little() {
    // What this thread works: by the wall's clock the machine's other work would count as well.
    let worked = || clock_gettime(ClockId::ThreadCPUTime).tv_sec;
    let start = worked();
    let mut sandbox = running(asked("busybox", &["sh", "-c", "while true; do :; done"]));
    sandbox.run_until(at(60));
    let mut sandbox = running(asked("busybox", &["sh", "-c", "f() { f | f & }; f; sleep 100"]));
    sandbox.run_until(at(60));
    let mut sandbox = running(asked("busybox", &["sh", "-c", "f() { f; }; f"]));
    sandbox.run_until(at(60));
    let cost = worked() - start;
    assert!(cost < 20, "{cost} s");
}
