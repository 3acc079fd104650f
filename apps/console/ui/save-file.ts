/** Has the browser keep a file. */
export function saveFile(fileName: string, file: Blob): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  // A browser may begin to read it only after this.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
