//! The integration tests: one binary, one file a story.
//! `architecture::every_file_is_called` fails when a file of this folder is missing here.

mod architecture;
mod authentication;
mod commands;
mod decoding;
mod exam;
mod exam_draw;
mod exam_journal;
mod exam_progress;
mod exam_report;
mod infra;
mod kubectl;
mod nodes;
mod openapi;
mod packs;
mod packs_broken;
mod pki;
mod protobuf;
mod rbac;
mod registry_golden;
mod registry_rows;
mod registry_validation;
mod scaling;
mod scheduling;
mod screens;
mod screens_anything;
mod screens_behaviour;
mod screens_desk;
mod screens_room;
mod screens_runtime;
mod sitting;
mod storage;
mod terminal;
mod tls;
mod workloads;
