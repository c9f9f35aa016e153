// Saves what the server sends as a file; `props` and `watch` are Gradio's.
watch("value", () => {
  const file = props.value?.file;
  if (!file) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file.text], {type: `${file.type};charset=utf-8`}));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
});
