//! The four Dockerfiles that every tutorial has, from the build to the end of the container.

use super::run_tests::built;

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in:\n{text}");
    }
}

#[test]
fn flask() {
    let dockerfile = "FROM python:3.12-slim\nWORKDIR /app\nCOPY requirements.txt .\nRUN pip install --no-cache-dir -r requirements.txt\nCOPY . .\nEXPOSE 5000\nCMD [\"python\", \"app.py\"]\n";
    let app = "from flask import Flask\n\napp = Flask(__name__)\n\n@app.route('/')\ndef hello():\n    return 'Hello'\n\nif __name__ == '__main__':\n    app.run(host='0.0.0.0', port=5001)\n";
    let files = [("Dockerfile", dockerfile), ("requirements.txt", "flask==3.0.0\n"), ("app.py", app)];
    let after = [
        "docker run -d --name web it",
        "docker logs web",
        "docker ps",
        "docker stop -t 1 web",
        "docker inspect --format '{{.State.ExitCode}}' web",
    ];
    let (text, _) = built(&files, &after);
    has(
        &text,
        &[
            "Successfully installed flask-3.0.0 blinker",
            " * Running on all addresses (0.0.0.0)",
            " * Running on http://127.0.0.1:5001",
            "\n137\n",
        ],
    );
    let (text, _) = built(
        &[("Dockerfile", "FROM python:3.12-slim\nCOPY app.py .\nCMD python app.py\n"), ("app.py", app)],
        &["docker run --rm it"],
    );
    has(&text, &["ModuleNotFoundError: No module named 'flask'"]);
    let (text, _) = built(&[("Dockerfile", "FROM python:3.12-slim\nRUN pip install nosuchthing\n")], &[]);
    has(&text, &["ERROR: No matching distribution found for nosuchthing", "exit code: 1"]);
}

#[test]
fn node() {
    let dockerfile = "FROM node:20-alpine\nWORKDIR /usr/src/app\nCOPY package*.json ./\nRUN npm install --omit=dev\nCOPY . .\nEXPOSE 3000\nUSER node\nCMD [\"npm\", \"start\"]\n";
    let package = "{\"name\":\"web\",\"version\":\"1.0.0\",\"scripts\":{\"start\":\"node server.js\"},\"dependencies\":{\"express\":\"^4.18.2\"},\"devDependencies\":{\"jest\":\"1\"}}";
    let server = "const express = require('express');\nconst app = express();\nconst port = process.env.PORT || 3000;\napp.get('/', (req, res) => res.send('Hello'));\napp.listen(port, () => {\n  console.log(`Example app listening on port ${port}`);\n});\n";
    let files = [("Dockerfile", dockerfile), ("package.json", package), ("server.js", server)];
    let after = ["docker run -d --name web -e PORT=8080 it", "docker logs web", "docker exec web id -un", "docker stop -t 1 web"];
    let (text, _) = built(&files, &after);
    has(&text, &["added 68 packages", "> web@1.0.0 start\n> node server.js", "Example app listening on port 8080", "\nnode\n"]);
    let (text, _) = built(&[("Dockerfile", "FROM node:20-alpine\nRUN npm ci\n")], &[]);
    has(&text, &["npm error code ENOENT"]);
}

#[test]
fn go() {
    let dockerfile = "FROM golang:1.22 AS build\nWORKDIR /src\nCOPY go.mod .\nRUN go mod download\nCOPY . .\nRUN CGO_ENABLED=0 go build -o /app .\n\nFROM scratch\nCOPY --from=build /app /app\nENTRYPOINT [\"/app\"]\n";
    let main = "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n)\n\nfunc main() {\n\tfmt.Println(\"listening on :8080\")\n\thttp.ListenAndServe(\":8080\", nil)\n}\n";
    let files = [("Dockerfile", dockerfile), ("go.mod", "module example.com/web\n\ngo 1.22\n"), ("main.go", main)];
    let after = [
        "docker run -d --name web it",
        "docker logs web",
        "docker images it",
        "docker stop web",
        "docker inspect --format '{{.State.ExitCode}}' web",
        "docker run --rm it sh",
    ];
    let (text, _) = built(&files, &after);
    has(&text, &["listening on :8080", "7.6MB", "\n2\n"]);
    let (text, _) = built(&[("Dockerfile", "FROM golang:1.22-alpine\nRUN go build .\n")], &[]);
    has(&text, &["go: go.mod file not found in current directory or any parent directory; see 'go help modules'"]);
}

#[test]
fn nginx() {
    let files = [
        ("Dockerfile", "FROM nginx:alpine\nCOPY index.html /usr/share/nginx/html/\nEXPOSE 80\n"),
        ("index.html", "<h1>Mine</h1>\n"),
    ];
    let after = [
        "docker run -d --name web it",
        "docker logs web",
        "docker exec web cat /usr/share/nginx/html/index.html",
        "docker stop web",
        "docker inspect --format '{{.State.ExitCode}}' web",
        "docker logs web",
    ];
    let (text, code) = built(&files, &after);
    assert_eq!(code, 0, "{text}");
    has(
        &text,
        &[
            "Configuration complete; ready for start up",
            "start worker processes",
            "<h1>Mine</h1>",
            "signal 3 (SIGQUIT) received, shutting down",
            "\n0\n",
        ],
    );
    let (text, _) = built(&[("Dockerfile", "FROM nginx\nCMD nginx\n")], &["docker run --name web it", "docker ps -a"]);
    has(&text, &["Exited (0)"]);
}

#[test]
fn what_the_model_does_not_know_is_opaque_and_says_so() {
    let dockerfile = "FROM buildpack-deps\nRUN git clone https://example.com/some/tool.git && cd tool && ./configure --prefix=/usr && make -j4 && make install\nRUN nosuchprogram\n";
    let (text, _) = built(&[("Dockerfile", dockerfile)], &[]);
    has(
        &text,
        &[
            "Cloning into 'tool'",
            "glassbox: modelled: configure is a program that this model does not know",
            "nosuchprogram: not found",
            "exit code: 127",
        ],
    );
}
