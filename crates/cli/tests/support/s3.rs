//! Somebody else's S3 service: a MinIO that the test starts by itself, and a plain client for any.
// Each test file uses its part.
#![allow(dead_code)]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Region};

use crate::support::{
    host::{Host, bundle},
    until,
};

/// A client of its own for one bucket.
pub struct Bucket {
    client: Client,
    name: String,
    runtime: tokio::runtime::Runtime,
}

impl Bucket {
    pub fn new(endpoint: &str, keys: (&str, &str), name: &str) -> Self {
        let keys = aws_credential_types::Credentials::new(keys.0, keys.1, None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(keys)
            .endpoint_url(endpoint)
            .force_path_style(true)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { client: Client::from_conf(config), name: name.to_owned(), runtime }
    }

    /// The bucket of a host's bundled store.
    pub fn bundled(host: &Host) -> Self {
        let secrets: serde_json::Value =
            serde_json::from_slice(&std::fs::read(host.home().join("secrets.json")).unwrap()).unwrap();
        let status = host.status();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let id = text(&secrets["bundled"]["access_key_id"]);
        let secret = text(&secrets["bundled"]["secret_access_key"]);
        Self::new(&text(&status["store"]["endpoint"]), (&id, &secret), &text(&status["store"]["bucket"]))
    }

    /// Every key and the tag of its content, in order.
    pub fn objects(&self) -> Vec<(String, String)> {
        self.runtime.block_on(async {
            let mut pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send();
            let mut found = Vec::new();
            while let Some(page) = pages.next().await {
                for object in page.unwrap().contents() {
                    found.push((
                        object.key().unwrap().to_owned(),
                        object.e_tag().unwrap_or_default().to_owned(),
                    ));
                }
            }
            found
        })
    }

    /// The keys of one level of a database's history, in order.
    pub fn level(&self, database: &str, level: u8) -> Vec<String> {
        let (of, folder) = (format!("{database}/"), format!("/{level:04}/"));
        let keys = self.objects().into_iter().map(|(key, _)| key);
        keys.filter(|key| key.starts_with(&of) && key.contains(&folder) && !key.contains("/snapshots/"))
            .collect()
    }

    pub fn delete_object(&self, key: &str) {
        self.runtime.block_on(self.client.delete_object().bucket(&self.name).key(key).send()).unwrap();
    }

    /// Overwrites an object with what `change` makes of it; what it says of itself stays.
    pub fn change(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.runtime.block_on(async {
            let got = self.client.get_object().bucket(&self.name).key(key).send().await.unwrap();
            let metadata = got.metadata().cloned();
            let mut bytes = got.body.collect().await.unwrap().to_vec();
            change(&mut bytes);
            let put = self.client.put_object().bucket(&self.name).key(key).set_metadata(metadata);
            put.body(bytes.into()).send().await.unwrap();
        });
    }

    /// Flips one bit in the file in which the bundled store of a host keeps an object.
    pub fn flip_bit_on_disk(&self, host: &Host, key: &str) {
        let dir = host.home().join("store").join(&self.name).join(key);
        // A small object lies within the file that describes it, at its end; a large one beside it.
        let mut parts = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path().join("part.1"));
        let path = parts.find(|path| path.exists()).unwrap_or(dir.join("xl.meta"));
        let mut bytes = std::fs::read(&path).unwrap();
        let at = bytes.len() - 40;
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }

    /// Makes the bucket.
    pub fn create(&self) {
        self.runtime.block_on(self.client.create_bucket().bucket(&self.name).send()).unwrap();
    }

    /// Stores an object.
    pub fn put(&self, key: &str, content: Vec<u8>) {
        let put = self.client.put_object().bucket(&self.name).key(key).body(content.into()).send();
        self.runtime.block_on(put).unwrap();
    }

    /// Deletes all objects, then the bucket, until that has worked: somebody may be writing.
    pub fn delete(&self) {
        until("the bucket is deleted", || {
            for (key, _) in self.objects() {
                let delete = self.client.delete_object().bucket(&self.name).key(key).send();
                self.runtime.block_on(delete).unwrap();
            }
            self.runtime.block_on(self.client.delete_bucket().bucket(&self.name).send()).is_ok()
        });
    }
}

/// A MinIO that belongs to somebody else.
pub struct OtherStore {
    process: Option<Child>,
    dir: PathBuf,
    port: u16,
}

pub const OTHER_KEYS: (&str, &str) = ("somebody", "elses-secret");

impl OtherStore {
    pub fn start(host: &Host) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut store = Self { process: None, dir: host.path("other-store"), port };
        std::fs::create_dir(&store.dir).unwrap();
        store.run();
        store
    }

    pub fn run(&mut self) {
        let process = Command::new(bundle().join("minio"))
            .args(["server", "--quiet", "--address", &format!("127.0.0.1:{}", self.port)])
            .arg("--certs-dir")
            .arg(self.dir.with_extension("certs"))
            .arg(&self.dir)
            .env_clear()
            // Without one it looks for its user's, by a program that may not be there.
            .env("HOME", &self.dir)
            .env("MINIO_ROOT_USER", OTHER_KEYS.0)
            .env("MINIO_ROOT_PASSWORD", OTHER_KEYS.1)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.process = Some(process);
        until("the other store serves", || self.serves());
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn bucket(&self, name: &str) -> Bucket {
        Bucket::new(&self.endpoint(), OTHER_KEYS, name)
    }

    fn serves(&self) -> bool {
        use std::io::{Read, Write};
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut answer = String::new();
        write!(stream, "GET /minio/health/cluster HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").is_ok()
            && stream.read_to_string(&mut answer).is_ok()
            && answer.contains(" 200 ")
    }
}

impl Drop for OtherStore {
    fn drop(&mut self) {
        self.kill();
    }
}
