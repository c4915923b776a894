// The load client: a process of its own, driven by the runner over IPC, so that neither the runner nor the server pays for it in its own time.
//   spawned by child-process.ts
import type { Reply, Task, TaskResult } from "./client-tasks.ts";
import { runFanOut } from "./fan-out-task.ts";
import { Held } from "./held.ts";
import { runPaced } from "./paced-task.ts";
import { runRequests, runSequence } from "./request-tasks.ts";
import { runStorm } from "./storm-task.ts";

const held = new Held();

function run(task: Task): Promise<TaskResult> | TaskResult {
  switch (task.kind) {
    case "requests":
      return runRequests(task);
    case "sequence":
      return runSequence(task);
    case "fanOut":
      return runFanOut(task);
    case "paced":
      return runPaced(task);
    case "hold":
      return held.open(task);
    case "countHeld":
      return held.count();
    case "storm":
      return runStorm(task);
  }
}

async function answer(task: Task): Promise<Reply> {
  try {
    return { kind: "result", result: await run(task) };
  } catch (error) {
    return { kind: "failed", error: error instanceof Error ? error.message : String(error) };
  }
}

process.on("message", (task: Task) => {
  void answer(task).then((reply) => process.send?.(reply));
});
process.on("disconnect", () => process.exit(0));
