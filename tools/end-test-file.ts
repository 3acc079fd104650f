// Loaded into the process of each test file. Node's own time limit fails a test and leaves the file's process as it is: one
// that holds a listener open would hold up the run for ever.
setTimeout(() => {
  console.error("the file did not end within its time");
  process.exit(1);
}, Number(process.env["TEST_FILE_TIMEOUT_MS"])).unref();
