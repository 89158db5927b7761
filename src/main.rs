//! The program, as far as the sandbox needs it: `iql sandbox --port N --dir DIR`.

use std::io::Write;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag =
        |name: &str| arguments.iter().position(|word| word == name).and_then(|at| arguments.get(at + 1)).cloned();
    let port = flag("--port").map_or(Ok(0), |text| text.parse())?;
    let dir = flag("--dir").unwrap_or_else(|| ".iql".into()).into();
    let running = iql::sandbox::start(&iql::sandbox::Options { dir, port, faults: Vec::new() }).await?;
    writeln!(std::io::stdout(), "listening on {}", running.endpoint())?;
    running.stopped().await;
    Ok(())
}
