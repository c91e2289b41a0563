//! The screens.
//! State machine: messages in, `update`, effects out as data; `view` only reads; `runtime` alone touches the terminal and the desk.

pub mod action;
pub mod canvas;
pub mod desk;
pub mod diff;
pub mod errand;
pub mod hits;
pub mod list;
pub mod markdown;
pub mod message;
pub mod model;
pub mod news;
pub mod overlays;
pub mod pane;
pub mod parts;
pub mod room;
pub mod runtime;
pub mod screens;
pub mod session;
pub mod theme;
pub mod update;
pub mod view;
