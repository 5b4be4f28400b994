"""What every step stands on: the command line, files that are whole or not there, causes of errors, the process."""
