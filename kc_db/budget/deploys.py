"""How many tasks run in the worst minute of a deploy, by the platform's own rules."""

from kc_db.budget.model import PERCENT, Rollout


def peak_tasks(rollout: Rollout) -> int:
    """Tasks in the worst minute of one deploy, while scaled out: scale-out goes on during a deploy.

    - rolling: Amazon ECS, DeploymentConfiguration, `maximumPercent`: the upper limit of tasks that are
      RUNNING or PENDING, as a percentage of the desired count, rounded down.
    - blue-green, linear, canary: Amazon ECS runs the new revision at full size beside the old one until
      the bake time is over; so does CodeDeploy.
    - surge: Kubernetes, Deployment, `.spec.strategy.rollingUpdate.maxSurge`: a number of pods, or a
      percentage of the desired pods, rounded up.
    - recreate: Kubernetes ends all old pods before it makes new ones. A StatefulSet does the same pod by pod.
    - start-first, stop-first: Compose specification, `deploy.update_config`: `parallelism` containers at a
      time, 0 is all; start-first starts the new ones before it stops the old.
    """
    count = rollout.instances
    match rollout.deploy:
        case "rolling":
            return count * rollout.maximum_percent // PERCENT
        case "blue-green" | "linear" | "canary":
            return 2 * count
        case "surge":
            return count + _surge_tasks(rollout)
        case "start-first":
            return count + (min(rollout.parallelism, count) or count)
        case "recreate" | "stop-first":
            return count


def draining_tasks(rollout: Rollout) -> int:
    """Tasks of the last deploy that may still hold connections when the next one begins.

    ECS stops counting a task that is STOPPING, Kubernetes one that is terminating, and swarm doesn't wait
    for the old container of start-first: for as long as such a task drains (30 seconds by default, ECS
    `stopTimeout`, Kubernetes `terminationGracePeriodSeconds`) it comes on top. recreate and stop-first
    wait until it has gone.
    """
    return 0 if rollout.deploy in {"recreate", "stop-first"} else rollout.instances


def _surge_tasks(rollout: Rollout) -> int:
    if not rollout.instances:
        return 0
    if isinstance(rollout.max_surge, int):
        return rollout.max_surge
    return -(-rollout.instances * int(rollout.max_surge.removesuffix("%")) // PERCENT)
