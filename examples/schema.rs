//! iql as a library: one statement against the sandbox, and the schema of the batches that come back.

use futures::TryStreamExt;
use iql::settings::{Secret, Settings, StaticCredentials};
use iql::{Engine, sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let pretended = sandbox::start(&sandbox::Options { dir: folder.path().into(), ..Default::default() }).await?;
    let (access_key_id, secret) = sandbox::credentials(None);
    let mut settings = Settings::default();
    settings.aws.endpoint = Some(pretended.endpoint());
    let credentials =
        StaticCredentials { access_key_id: access_key_id.to_string(), secret_access_key: Secret::new(secret) };
    settings.aws.credentials.insert(None, credentials);

    let session = Engine::open(settings)?.session();
    let mut outcome = session.run("SELECT * FROM aws.redshift.integrations WHERE region = 'eu-west-1'").await?;
    let mut rows = 0;
    while let Some(batch) = outcome.rows.try_next().await? {
        rows += batch.num_rows();
    }
    #[expect(clippy::print_stdout, reason = "an example shows what it found")]
    {
        println!("{rows} rows of\n{}", outcome.rows.schema());
    }
    Ok(())
}
