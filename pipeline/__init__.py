"""Sources, sinks, the graph and the command: everything around the steps that knows about files and runners."""
