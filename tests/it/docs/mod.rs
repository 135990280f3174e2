//! The documentation held to the program: links lead somewhere, commands are understood, transcripts are what is printed, words are explained.

mod commands;
mod links;
mod page;
mod transcript;
mod transcripts;
mod words;
