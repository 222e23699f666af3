"""The process: settings, wiring, web server, workers, scheduler and command line."""
