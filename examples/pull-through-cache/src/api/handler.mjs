export async function handle(event) {
  return { greeting: `Hello, ${event.name ?? "world"}` };
}
