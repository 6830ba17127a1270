mod decided;
mod judging;
mod pairs;
mod scene;
mod unproven;
mod watched;
