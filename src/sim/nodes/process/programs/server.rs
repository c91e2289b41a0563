//! Programs that serve until they are stopped: the images' own, and small web servers.
//! What is asked of them comes in through `reply`. Which image serves what is data (`assets/nodes/images.yaml`).

use std::time::Duration;

use super::{Row, agnhost_answer, coredns, health, options, value};
use crate::sim::network::{Reply, Request};
use crate::sim::nodes::images::{Image, Run};
use crate::sim::nodes::process::container::Container;
use crate::sim::nodes::process::program::Program;

static OWN: Row = Row { name: "", packages: &[], run: |program| Box::pin(own_program(program)) };

/// The image's own program, when that is what the name means.
pub fn own(image: &Image, name: &str) -> Option<&'static Row> {
    (image.run != Run::Shell && image.is_own(name)).then_some(&OWN)
}

/// What the image is for.
pub async fn own_program(program: Program) -> i32 {
    let image = program.container.image;
    if image.run == Run::Hello {
        for line in &image.log {
            program.say(line).await;
        }
        return 0;
    }
    let words: Vec<&str> = program.args().collect();
    if words.iter().any(|word| matches!(*word, "-v" | "-V" | "--version")) {
        return tell_version(&program).await;
    }
    if image.own_name() == "nginx"
        && let [option @ ("-t" | "-s"), rest @ ..] = &words[..]
    {
        return ask_nginx(&program, option, rest.first().copied().unwrap_or_default()).await;
    }
    if let Some(script) = program.container.script.clone() {
        say_all(&program, &script.lines).await;
        program.sleep(script.after).await;
        say_all(&program, &script.last).await;
        if let Some(code) = script.code {
            return code;
        }
        let ports = script.ports.unwrap_or_else(|| ports(&program));
        return serve(&program, ports).await;
    }
    if !image.needs.is_empty() && !image.needs.iter().any(|name| program.variables.contains_key(name)) {
        program.sleep(Duration::from_millis(500)).await;
        for line in &image.complaint {
            program.errors.write(program.engine(), format!("{line}\n").as_bytes()).await;
        }
        return 1;
    }
    for write in &image.writes {
        if let Err(why) = program.container.files.may_write(&write.path) {
            for line in &write.complaint {
                let line = line.replace("{why}", why.with_number()).replace("{now}", &stamp(&program));
                program.errors.write(program.engine(), format!("{line}\n").as_bytes()).await;
            }
            return 1;
        }
    }
    if image.own_name() == "coredns" {
        return coredns::run(&program).await;
    }
    if let Some(fault) = configuration_fault(&program.container) {
        let line = format!("{} [emerg] 1#1: {fault}\nnginx: [emerg] {fault}\n", stamp(&program));
        program.errors.write(program.engine(), line.as_bytes()).await;
        return 1;
    }
    for line in &image.log {
        program.say(&line.replace("{now}", &stamp(&program)).replace("{version}", &release(&program))).await;
    }
    serve(&program, ports(&program)).await
}

async fn tell_version(program: &Program) -> i32 {
    let Some(version) = &program.container.image.version else {
        return i32::from(!program.say(&format!("{} (simulated)", program.name())).await);
    };
    let line = version.says.replace("{version}", &release(program));
    if version.errors {
        program.errors.write(program.engine(), format!("{line}\n").as_bytes()).await;
        return 0;
    }
    i32::from(!program.say(&line).await)
}

fn release(program: &Program) -> String {
    program.container.release().unwrap_or_default()
}

/// Says lines as they are, where errors go.
async fn say_all(program: &Program, lines: &[String]) {
    for line in lines {
        program.errors.write(program.engine(), format!("{line}\n").as_bytes()).await;
    }
}

/// The time as nginx writes it.
fn stamp(program: &Program) -> String {
    program.engine().now().strftime("%Y/%m/%d %H:%M:%S").to_string()
}

/// Listens until it is stopped; ends when somebody in the Pod has the port.
pub async fn serve(program: &Program, ports: Vec<u16>) -> i32 {
    if program.is_first() {
        program.container.ends_on_term(0);
    }
    for port in &ports {
        if program.container.listen(*port) {
            continue;
        }
        let (own, errors) = (program.container.image.own_name(), &program.errors);
        let taken = match own {
            "httpd" => {
                format!("(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:{port}\n")
            }
            "nginx" => format!(
                "{} [emerg] 1#1: bind() to 0.0.0.0:{port} failed (98: Address already in use)\n",
                stamp(program)
            ),
            _ => format!("listen tcp :{port}: bind: address already in use\n"),
        };
        errors.write(program.engine(), taken.as_bytes()).await;
        if own == "nginx" {
            for _ in 0..4 {
                program.sleep(Duration::from_millis(500)).await;
                errors.write(program.engine(), taken.as_bytes()).await;
            }
            errors.write(program.engine(), b"nginx: [emerg] still could not bind()\n").await;
        }
        return 1;
    }
    program.wait_for_ever().await
}

/// The ports it listens on: those its configuration or its words say, or the image's.
fn ports(program: &Program) -> Vec<u16> {
    let container = &program.container;
    let words = &program.words;
    let said = |names: &[&str]| {
        words.iter().enumerate().find_map(|(at, word)| {
            let (name, attached) =
                word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
            let value = names.contains(&name).then(|| attached.or_else(|| words.get(at + 1).map(String::as_str)))??;
            value.rsplit(':').next()?.parse::<u16>().ok()
        })
    };
    match container.image.own_name() {
        "nginx" | "nginx-unprivileged" => {
            let configured = configured_ports(container);
            if configured.is_empty() { container.image.ports.clone() } else { configured }
        }
        "kube-apiserver" | "kube-scheduler" | "kube-controller-manager" => match said(&["--secure-port"]) {
            Some(port) => vec![port],
            None => container.image.ports.clone(),
        },
        "etcd" => {
            let metrics = said(&["--listen-metrics-urls"]);
            container.image.ports.iter().copied().chain(metrics).collect()
        }
        _ => match said(&["-listen", "--listen", "-port", "--port", "-p"]) {
            Some(port) => vec![port],
            None => container.image.ports.clone(),
        },
    }
}

fn configuration(container: &Container) -> Vec<String> {
    let read = |path: &str| container.files.read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let folder = "/etc/nginx/conf.d";
    let names = container.files.list(folder).unwrap_or_default();
    let included =
        names.iter().filter(|name| name.ends_with(".conf")).filter_map(|name| read(&format!("{folder}/{name}")));
    let main = read("/etc/nginx/nginx.conf");
    let includes = main.as_ref().is_none_or(|main| main.contains("include /etc/nginx/conf.d"));
    main.into_iter().chain(included.filter(|_| includes)).collect()
}

fn configured_ports(container: &Container) -> Vec<u16> {
    let mut ports = Vec::new();
    for text in configuration(container) {
        for statement in text.split([';', '{', '}']) {
            let line = statement.lines().map(str::trim).rfind(|line| !line.starts_with('#')).unwrap_or_default();
            let Some(rest) = line.strip_prefix("listen") else { continue };
            let port = rest.split_whitespace().next().and_then(|word| word.rsplit(':').next()?.parse().ok());
            ports.extend(port.filter(|port| !ports.contains(port)));
        }
    }
    ports
}

/// `nginx -t`, and `nginx -s SIGNAL` to the one that runs.
async fn ask_nginx(program: &Program, option: &str, signal: &str) -> i32 {
    let container = &program.container;
    let say = async |text: String| program.errors.write(program.engine(), text.as_bytes()).await;
    if let Some(fault) = configuration_fault(container) {
        let tested = if option == "-t" { "nginx: configuration file /etc/nginx/nginx.conf test failed\n" } else { "" };
        say(format!("nginx: [emerg] {fault}\n{tested}")).await;
        return 1;
    }
    match (option, signal) {
        ("-t", _) => {
            let file = "configuration file /etc/nginx/nginx.conf";
            say(format!("nginx: the {file} syntax is ok\nnginx: {file} test is successful\n")).await;
            return 0;
        }
        (_, "reload" | "reopen" | "quit" | "stop") => {}
        _ => {
            say(format!("nginx: invalid option: \"-s {signal}\"\n")).await;
            return 1;
        }
    }
    say(format!("{} [notice] {pid}#{pid}: signal process started\n", stamp(program), pid = program.pid)).await;
    if matches!(signal, "quit" | "stop") {
        container.terminate();
    }
    0
}

/// What nginx would say of its configuration, if it cannot be read.
fn configuration_fault(container: &Container) -> Option<String> {
    if container.image.own_name() != "nginx" {
        return None;
    }
    let folder = "/etc/nginx/conf.d";
    let names = container.files.list(folder).unwrap_or_default();
    let mut paths: Vec<String> = vec!["/etc/nginx/nginx.conf".to_owned()];
    paths.extend(names.iter().filter(|name| name.ends_with(".conf")).map(|name| format!("{folder}/{name}")));
    paths.into_iter().find_map(|path| {
        let text = String::from_utf8_lossy(&container.files.read(&path).ok()?).into_owned();
        fault_in(&text, &path)
    })
}

fn fault_in(text: &str, path: &str) -> Option<String> {
    let mut open = 0;
    let lines = text.lines().count();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        open += line.matches('{').count();
        if line.matches('}').count() > open {
            return Some(format!("unexpected \"}}\" in {path}:{}", index + 1));
        }
        open -= line.matches('}').count();
        let word = line.split_whitespace().next().unwrap_or_default();
        let directives =
            line.ends_with(';') && line.matches(';').count() == 1 && !line.contains(['{', '}', '$', '\'', '"']);
        if directives
            && ["sever", "lisen", "listn", "locaton", "proxy_pas", "serve", "root_dir", "listen_port"].contains(&word)
        {
            return Some(format!("unknown directive \"{word}\" in {path}:{}", index + 1));
        }
    }
    (open > 0).then(|| format!("unexpected end of file, expecting \"}}\" in {path}:{lines}"))
}

/// BusyBox' `httpd -f -p 8080 -h /www`.
pub async fn httpd(program: Program) -> i32 {
    let (options, _) = options(&program, "phcru");
    let port = value(&options, 'p').and_then(|port| port.rsplit(':').next()?.parse().ok()).unwrap_or(80);
    let root = program.path(value(&options, 'h').unwrap_or("."));
    program.container.serves_files(port, &root);
    if !super::has(&options, 'f') {
        program.container.listen(port);
        return 0;
    }
    if !program.container.listen(port) {
        return program.fail("bind: Address already in use", 1).await;
    }
    program.wait_for_ever().await
}

/// `python -m http.server 8000`, and `python -c` as far as it only waits or prints.
pub async fn python(program: Program) -> i32 {
    let words: Vec<&str> = program.args().collect();
    match words.as_slice() {
        ["-m", "http.server" | "SimpleHTTPServer", rest @ ..] => {
            let port = rest.iter().find_map(|word| word.parse().ok()).unwrap_or(8000);
            program.container.serves_files(port, &program.folder);
            if !program.container.listen(port) {
                return program.fail("OSError: [Errno 98] Address already in use", 1).await;
            }
            program.say(&format!("Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...")).await;
            program.wait_for_ever().await
        }
        ["--version" | "-V"] => i32::from(!program.say("Python 3.13.7").await),
        ["-c", script, ..] => {
            for statement in script.split([';', '\n']).map(str::trim) {
                if let Some(text) = statement.strip_prefix("print(").and_then(|rest| rest.strip_suffix(')')) {
                    program.say(text.trim_matches(['"', '\''])).await;
                }
            }
            0
        }
        // At a prompt with nobody there.
        [] => 0,
        [path, ..] => program.fail(&format!("can't open file '{path}': [Errno 2] No such file or directory"), 2).await,
    }
}

pub async fn node(program: Program) -> i32 {
    match program.args().next() {
        Some("-v" | "--version") => i32::from(!program.say("v24.8.0").await),
        None => 0,
        Some(path) => program.fail(&format!("Cannot find module '{path}'"), 1).await,
    }
}

pub async fn kubectl(program: Program) -> i32 {
    program.fail("there is no kubectl inside the simulator's Pods; use the one outside", 1).await
}

/// The answer of a container over HTTP, once something listens on the port; or what it says instead, when that is not HTTP.
pub fn reply(container: &Container, port: u16, request: &Request) -> Result<Reply, String> {
    match container.said(port) {
        Some(said) => spoken(&said),
        None if container.image.is_silent(port) => Err(String::new()),
        None => Ok(page(container, port, request)),
    }
}

/// What a text that is said to whoever calls is to a browser.
fn spoken(said: &str) -> Result<Reply, String> {
    let unknown = || said.to_owned();
    let (head, body) = said.split_once("\r\n\r\n").or_else(|| said.split_once("\n\n")).unwrap_or((said, ""));
    let first = head.lines().next().filter(|line| line.starts_with("HTTP/1.")).ok_or_else(unknown)?;
    let status = first.split_whitespace().nth(1).and_then(|status| status.parse().ok()).ok_or_else(unknown)?;
    Ok(Reply { status, body: body.to_owned(), ..Reply::default() })
}

fn page(container: &Container, port: u16, request: &Request) -> Reply {
    let path = request.path.as_str();
    let bare = path.split(['?', '#']).next().unwrap_or_default();
    let image = container.image;
    let root = container.served_from(port).or_else(|| image.root.clone());
    if !request.is_sound() {
        return bad_request(container);
    }
    if let Some(root) = root {
        return file(container, &root, bare);
    }
    if let Some(reply) = health::reply(container, port, request) {
        return reply;
    }
    if image.own_name() == "agnhost"
        && let Some(reply) = agnhost_answer::reply(container, port, request)
    {
        return reply;
    }
    let with =
        |status: u16, body: String| Reply { status, server: image.own_name().to_owned(), body, ..Reply::default() };
    match (image.own_name(), bare) {
        ("http-echo", _) => {
            with(200, format!("{}\n", container.option("-text").unwrap_or_else(|| "hello-world".to_owned())))
        }
        _ if image.paths.iter().any(|known| known == bare || known == "*") => with(200, filled(container, path)),
        _ => with(404, "404 page not found\n".to_owned()),
    }
}

/// What an image's program answers.
fn filled(container: &Container, path: &str) -> String {
    let text = container.image.answer.replace("{hostname}", &container.hostname);
    let text = text.replace("{address}", &container.address()).replace("{path}", path);
    text.replace("{tag}", Image::tag(&container.recipe.reference))
}

/// What a server calls itself.
fn server_name(container: &Container) -> String {
    let release = || container.release().map(|release| format!("/{release}")).unwrap_or_default();
    match container.image.own_name() {
        "nginx" | "nginx-unprivileged" => format!("nginx{}", release()),
        "httpd" => format!("Apache{} (Unix)", release()),
        other => other.to_owned(),
    }
}

/// A page of nginx' that says what is wrong.
fn html(server: &str, status: u16, words: &str) -> String {
    format!(
        "<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>{status} {words}</h1></center>\r\n<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )
}

/// The answer to what is no request: Go's servers say it in plain words.
fn bad_request(container: &Container) -> Reply {
    let server = server_name(container);
    let body = match container.image.root {
        Some(_) => html(&server, 400, "Bad Request"),
        None => "400 Bad Request".to_owned(),
    };
    Reply { status: 400, server, body, ..Reply::default() }
}

fn file(container: &Container, root: &str, path: &str) -> Reply {
    let server = server_name(container);
    let reply = |status: u16, body: String| Reply { status, server: server.clone(), body, ..Reply::default() };
    if container.image.own_name().starts_with("nginx")
        && let Some((status, text)) = returned(container, path)
    {
        return reply(status, text);
    }
    let whole = crate::sim::nodes::process::files::absolute(root, path.trim_start_matches('/'));
    let files = &container.files;
    let index = format!("{}/index.html", whole.trim_end_matches('/'));
    let found = if files.is_folder(&whole) { files.read(&index) } else { files.read(&whole) };
    let page = |status: u16, words: &str| reply(status, html(&server, status, words));
    match found {
        Ok(bytes) => reply(200, String::from_utf8_lossy(&bytes).into_owned()),
        // Go's and Python's file servers list a folder that has no page.
        Err(_) if files.is_folder(&whole) && matches!(server.as_str(), "agnhost" | "python") => {
            let names = files.list(&whole).unwrap_or_default();
            let line = |name: &String| format!("<a href=\"{name}\">{name}</a>\n");
            reply(200, format!("<pre>\n{}</pre>\n", names.iter().map(line).collect::<String>()))
        }
        Err(_) if files.is_folder(&whole) => page(403, "Forbidden"),
        Err(_) => page(404, "Not Found"),
    }
}

/// `location /x { return 200 "text"; }` in nginx' configuration.
fn returned(container: &Container, path: &str) -> Option<(u16, String)> {
    configuration(container).iter().find_map(|text| {
        text.split("location").skip(1).find_map(|block| {
            let (pattern, body) = block.split_once('{')?;
            let pattern = pattern.trim().trim_start_matches('=').trim();
            let (_, after) = body.split('}').next()?.split_once("return ")?;
            let statement = after.split(';').next()?;
            let (status, text) = statement.trim().split_once(' ').unwrap_or((statement.trim(), ""));
            let fits = pattern == path || (pattern.ends_with('/') && path.starts_with(pattern));
            fits.then(|| Some((status.parse().ok()?, text.trim().trim_matches(['"', '\'']).replace("\\n", "\n"))))?
        })
    })
}
