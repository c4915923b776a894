// Messages in a form that fits one line of an expectation.

/** Types of messages with what tells them apart. */
export function brief(list: readonly Record<string, unknown>[]): readonly string[] {
  return list.map((each) => {
    const control = each["batch_control"] as Record<string, unknown> | undefined;
    const rows = (each["rows"] as unknown[] | undefined)?.length;
    switch (each["type"]) {
      case "initial_data_batch":
        return `batch ${String(control?.["batch_num"])} rows=${rows} ${String(control?.["status"])}`;
      case "subscription_ack":
        return control === undefined ? `ack resumed=${String(each["resumed"])}` : `ack ${String(control["status"])}`;
      case "change":
        return String(each["change_type"]);
      case "changes":
        return `changes ${(each["changes"] as { op: string }[]).map((change) => change.op).join(" ")}`;
      case "snapshot":
        return `snapshot rows=${rows} deleted=${(each["deleted"] as unknown[] | undefined)?.length ?? 0} ready=${String(each["ready"])}`;
      case "error":
        return `error ${String(each["code"])}`;
      default:
        return String(each["type"]);
    }
  });
}
