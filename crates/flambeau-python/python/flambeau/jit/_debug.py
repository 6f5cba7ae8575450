"""What `get_debug_state` shows: which graph runs. There is no profiling executor, hence one plan for all arguments."""


class ExecutionPlan:
    """What runs for arguments of one kind."""

    def __init__(self, graph):
        self.graph = graph

    def __repr__(self):
        return "<flambeau.jit.ExecutionPlan>"


class ArgumentSpec:
    """The arguments that a plan is for: any."""

    def __repr__(self):
        return "<flambeau.jit.ArgumentSpec: any arguments>"


class GraphExecutorState:
    """The graph of a function, and what runs when it is called."""

    def __init__(self, function):
        self.graph = function.graph
        self.fallback = ExecutionPlan(function.inlined_graph)
        self.execution_plans = {ArgumentSpec(): self.fallback}
