mod decided;
mod judging;
mod pairs;
mod plane;
mod scene;
mod unproven;
mod watched;
