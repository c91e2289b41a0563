//! What each shell reads: BusyBox' `ash`, Debian's `dash`, `bash`; and what each says when it cannot.
//! What scripts do that all of them read is `scripts.rs`. What is expected of dash and bash was seen of dash 0.5.12 and bash 5.2.

use super::scripts::{outcome, shell_outcome};

#[test]
fn scripts_of_tutorials_do_what_they_say() {
    for (script, written, code) in [
        ("echo one; # a comment\n# 'another'\necho two # three", "one\ntwo", 0),
        ("cat <<-END\n\tin\n\tEND\ncat <<'A' <<B\n$x\nA\n$NAME\nB", "in\nworld", 0),
        ("cat <<END\nno end", "no end", 0),
        (
            "cat > /tmp/page <<EOF\n<h1>it's \"$(hostname)\" \\$5 `echo x`</h1>\nEOF\ncat /tmp/page",
            "<h1>it's \"web-0\" $5 x</h1>",
            0,
        ),
        ("[ -f /none ] && [ 1 -eq 1 ] || { echo no; exit 3; }", "no", 3),
        ("while [ \"${i:=0}\" -lt 2 ]; do i=$(( i + 1 )); [ $i -eq 1 ] && continue; echo $i; done", "2", 0),
        ("n=0\nuntil [ $n -ge 3 ]\ndo\n  n=`expr $n + 1`\ndone\necho $n", "3", 0),
        ("f() {\n  local x=$1\n  echo \"${x%%.*} ${x##*.} ${x#a} ${x/b/c}\"\n}\nf a.b.c", "a c .b.c a.c.c", 0),
        ("case \"$NAME\" in\n  (w|x*) echo first ;;\n  *) echo other ;;\nesac", "other", 0),
        (
            "set -- a 'b c'; for x; do echo \"<$x>\"; done; for x in \"$@\"; do echo \"$x\"; done; echo $# \"$*\"",
            "<a>\n<b c>\na\nb c\n2 a b c",
            0,
        ),
        ("{ echo out; echo err >&2; } 2>/dev/null | tr a-z A-Z", "OUT", 0),
        ("trap 'echo bye $?' EXIT; (exit 4); echo $?", "4\nbye 0", 0),
        ("x='a b'; for w in $x; do echo $w; done; y=\"$x\"; echo \"$y\"", "a\nb\na b", 0),
        ("A=1 B=2 env | grep -c '^[AB]='", "2", 0),
        ("echo \"a $(echo \"b $(echo \"c\")\")\"", "a b c", 0),
        ("echo $((1+2*3)) $(( (1+2) * 3 )) $((7/2)) $((5 > 3 && 0))", "7 9 3 0", 0),
        ("echo ~ '~' \"~\" a~", "/root ~ ~ a~", 0),
        ("! false; echo $?; if ! true; then echo no; fi", "0", 0),
        ("echo \"\\$NAME \\\"q\\\" \\n\" 'a\\nb'", "$NAME \"q\" \\n a\\nb", 0),
        ("echo a \\\n  b", "a b", 0),
        ("[[ $NAME == w* ]] && echo yes", "yes", 0),
        ("test '(' = '(' && echo bracket; [ abc = 'a*' ] || echo other", "bracket\nother", 0),
        ("(( 1 ))", "sh: 1: not found", 127),
        ("/none/x", "sh: /none/x: not found", 127),
    ] {
        assert_eq!(outcome("busybox", script), (written.to_owned(), Some(code)), "{script}");
    }
}

#[test]
fn bash_reads_more() {
    for (script, written, code) in [
        (
            "a=(x 'y z'); a+=(w); echo ${#a[@]} ${a[1]} ${a[-1]}; for x in \"${a[@]}\"; do echo \"<$x>\"; done",
            "3 y z w\n<x>\n<y z>\n<w>",
            0,
        ),
        ("declare -A m=([one]=1 [two]=2); m[three]=3; echo ${m[two]} ${!m[@]} ${#m[*]}", "2 one three two 3", 0),
        ("for ((i = 0; i < 3; i++)); do echo -n $i; done; echo", "012", 0),
        ("i=5; ((i++)); ((i > 5)) && echo $i; let_=1; (( 0 )) || echo zero", "6\nzero", 0),
        ("cat <<< \"here $NAME\"; read -r a b <<< '1 2 3'; echo $b", "here world\n2 3", 0),
        ("[[ $NAME == w* && ! -f /none ]] && echo yes; [[ abc123 =~ ^[a-z]+[0-9]+$ ]] && echo match", "yes\nmatch", 0),
        ("[[ 2 -lt 10 && a < b && -z '' && -n $NAME ]]; echo $?", "0", 0),
        ("echo {1..3} {a,b}c x{1..2}y", "1 2 3 ac bc x1y x2y", 0),
        ("x=hello; echo ${x^} ${x^^} ${x:1:3} ${x: -2} ${x//l/L}", "Hello HELLO ell lo heLLo", 0),
        ("echo $'a\\tb'", "a\tb", 0),
        ("while read -r line; do echo \"- $line\"; done < <(printf 'a\\nb\\n')", "- a\n- b", 0),
        ("case x in x) echo one ;& y) echo two ;;& *) echo three ;; esac", "one\ntwo\nthree", 0),
        ("function f { echo in $1; }; f x", "in x", 0),
        ("ls /none &> /dev/null || echo quiet", "quiet", 0),
        ("ref=NAME; echo ${!ref}", "world", 0),
        ("echo $((2**10)) $((16#ff)); x=3; echo $((x+=2)) $x", "1024 255\n5 5", 0),
        ("foo", "bash: line 1: foo: command not found", 127),
        ("echo a\necho b > /none/x", "a\nbash: line 2: /none/x: No such file or directory", 1),
    ] {
        assert_eq!(shell_outcome("nginx", "bash", script), (written.to_owned(), Some(code)), "{script}");
    }
}

#[test]
fn what_cannot_be_read_is_told_as_the_shell_would() {
    for (script, ash, dash, bash) in [
        ("fi", "unexpected \"fi\"", "\"fi\" unexpected", "near unexpected token `fi'"),
        ("echo a; ; echo b", "unexpected \";\"", "\";\" unexpected", "near unexpected token `;'"),
        (
            "while true do",
            "unexpected end of file (expecting \"do\")",
            "end of file unexpected (expecting \"do\")",
            "unexpected end of file",
        ),
        ("if true; fi", "unexpected \"fi\" (expecting \"then\")", "\"fi\" unexpected (expecting \"then\")", "`fi'"),
        ("if true; then fi", "unexpected \"fi\"", "\"fi\" unexpected", "`fi'"),
        ("while :; do done", "unexpected \"done\"", "\"done\" unexpected", "`done'"),
        (
            "for i in 1 2; echo",
            "unexpected word (expecting \"do\")",
            "word unexpected (expecting \"do\")",
            "near unexpected token `echo'",
        ),
        (
            "case x in a) echo",
            "unexpected end of file (expecting \";;\")",
            "end of file unexpected (expecting \";;\")",
            "unexpected end of file",
        ),
        ("echo )", "unexpected \")\"", "\")\" unexpected", "near unexpected token `)'"),
        ("echo 'a", "unterminated quoted string", "Unterminated quoted string", "looking for matching `''"),
        ("echo \"a", "unterminated quoted string", "Unterminated quoted string", "looking for matching `\"'"),
        ("echo `a", "EOF in backquote substitution", "EOF in backquote substitution", "looking for matching ``'"),
        ("echo ${a", "missing '}'", "Missing '}'", "looking for matching `}'"),
        ("echo &&", "unexpected end of file", "end of file unexpected", "unexpected end of file"),
        ("}", "unexpected \"}\"", "\"}\" unexpected", "near unexpected token `}'"),
        (
            "a() {",
            "unexpected end of file (expecting \"}\")",
            "end of file unexpected (expecting \"}\")",
            "end of file",
        ),
    ] {
        assert_eq!(outcome("busybox", script), (format!("sh: syntax error: {ash}"), Some(2)), "{script}");
        assert_eq!(outcome("nginx", script), (format!("sh: 1: Syntax error: {dash}"), Some(2)), "{script}");
        let (written, code) = shell_outcome("nginx", "bash", script);
        assert!(
            written.starts_with("bash: -c: line ") && written.contains(bash) && code == Some(2),
            "{script}: {written}"
        );
    }
}

#[test]
fn dash_knows_posix_only() {
    for (script, written, code) in [
        ("[[ a == a ]]", "sh: 1: [[: not found", 127),
        ("a=(1 2)", "sh: 1: Syntax error: \"(\" unexpected", 2),
        ("echo a\n\nfoo", "a\nsh: 3: foo: not found", 127),
        ("cat < /none", "sh: 1: cannot open /none: No such file", 1),
        ("echo ${a b}", "sh: 1: Bad substitution", 2),
        ("set -u; echo $X", "sh: 1: X: parameter not set", 2),
    ] {
        assert_eq!(outcome("nginx", script), (written.to_owned(), Some(code)), "{script}");
    }
}
