greeting()
  .catch((error) => error.message)
  .then((text) => {
    document.getElementById("greeting").textContent = text;
  });
