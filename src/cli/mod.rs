//! Arguments, commands, output.
//! What a command does is the app's; here is how it is asked and told.
