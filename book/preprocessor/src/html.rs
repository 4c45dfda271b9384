//! A transcript as HTML: readable without colour and by a screen reader, with a link into the playground.

use glassbox_tests::fixture::Exchange;

use crate::Transcript;

/// The block, on one line: a blank line would end the HTML in Markdown. `commands`: all of the chapter so far, to be run there.
pub(crate) fn block(transcript: &Transcript, playground: &str, commands: &[String]) -> String {
    let shown: Vec<String> = transcript.exchanges.iter().map(exchange).collect();
    let body = shown.concat().trim_end().replace('\n', "&#10;");
    let address = format!("{playground}#run={}", encoded(&commands.join("\n")));
    let link = format!("<a href=\"{address}\">Open the playground at this point</a>");
    format!("<figure class=\"transcript\"><pre>{body}</pre><figcaption>{link}</figcaption></figure>\n")
}

fn exchange(exchange: &Exchange) -> String {
    let mut text = format!("$ <kbd>{}</kbd>\n", escaped(&exchange.line));
    exchange.stdout.lines().for_each(|line| text.push_str(&format!("<samp>{}</samp>\n", escaped(line))));
    exchange.stderr.lines().for_each(|line| text.push_str(&format!("<samp>(stderr) {}</samp>\n", escaped(line))));
    if exchange.exit_code != 0 {
        text.push_str(&format!("<samp>(exit code {})</samp>\n", exchange.exit_code));
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Percent-encoding, RFC 3986: all but the unreserved characters.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
