//! The catalogue holds what it says.

use super::entry;
use super::find;
use crate::oci::image::{ConfigFile, Manifest, one};
use crate::reference::Reference;

fn listed(name: &str) -> Option<super::Listed> {
    find(&Reference::parse(name).unwrap())
}

#[test]
fn the_catalogue_has_its_images_and_they_hold_together() {
    let entries = entry::all();
    assert!(entries.len() >= 60, "{}", entries.len());
    for entry in entries {
        let name = format!("{}:{}", entry.name, entry.tag);
        let image = listed(&name).unwrap_or_else(|| panic!("{name}"));
        let read = |digest: &str| image.blob(digest).map(|blob| blob.bytes.clone());
        let assembled = one(&image.manifest.descriptor.digest, &read).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(assembled.layers.len(), entry.layers.len(), "{name}");
        assert_eq!(assembled.config.cmd, entry.cmd, "{name}");
        let layers = assembled.history.iter().filter(|line| !line.empty_layer).count();
        assert_eq!(layers, entry.layers.len(), "{name}");
        let bytes: u64 = image.layers.iter().map(|layer| layer.bytes.len() as u64).sum();
        assert!(bytes < 1 << 20, "{name}: {bytes}");
    }
}

#[test]
fn tags_lead_to_versions() {
    let version = |name: &str, variable: &str| {
        let image = listed(name).unwrap_or_else(|| panic!("{name}"));
        let config = ConfigFile::read(&image.config.bytes, "").unwrap().config;
        let prefix = format!("{variable}=");
        config.env.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().to_string()
    };
    assert_eq!(version("python:3.12-slim", "PYTHON_VERSION"), "3.12.13");
    assert_eq!(version("python:3.11-slim", "PYTHON_VERSION"), "3.11.15");
    assert_eq!(version("python:3.11-slim", "PYTHON_SHA256"), "");
    assert_eq!(version("python:3.11-slim-bookworm", "PYTHON_VERSION"), "3.11.15");
    assert_eq!(version("python", "PYTHON_VERSION"), "3.14.3");
    assert_eq!(version("python:3.10.4", "PYTHON_VERSION"), "3.10.4");
    assert_eq!(version("node:20-alpine", "NODE_VERSION"), "20.20.0");
    assert_eq!(version("node:lts-alpine3.19", "NODE_VERSION"), "24.14.0");
    assert_eq!(version("golang:1.22", "GOLANG_VERSION"), "1.22.12");
    assert_eq!(version("golang:1.22-alpine", "GOLANG_VERSION"), "1.22.12");
    assert_eq!(version("php:8.2-fpm-alpine", "PHP_VERSION"), "8.2.30");
    assert!(!version("nginx:stable-alpine", "NGINX_VERSION").is_empty());
    for name in
        ["ubuntu", "debian:12", "debian:bullseye-slim", "alpine:3.19", "php:8.2-apache", "openjdk:17-jdk-slim", "scratchless"]
    {
        assert_eq!(listed(name).is_some(), name != "scratchless", "{name}");
    }
    for name in ["python:9", "python:3.12-nonsense", "node:lts-jammy-fpm", "nosuch", "ubuntu:3"] {
        assert!(listed(name).is_none(), "{name}");
    }
}

#[test]
fn images_upon_one_base_share_its_layer() {
    let first = |name: &str| listed(name).unwrap().layers[0].descriptor.digest.clone();
    assert_eq!(first("python:3.12-alpine"), first("alpine"));
    let manifest = |name: &str| Manifest::read(&listed(name).unwrap().manifest.bytes, "").unwrap();
    assert_ne!(manifest("python:3.12-alpine").config, manifest("python:3.11-alpine").config);
}
