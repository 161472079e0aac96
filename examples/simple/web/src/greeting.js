// API_URL is put in front of this file by build.js.
async function greeting() {
  const response = await fetch(API_URL);
  if (!response.ok) {
    throw new Error(`${API_URL} answers ${response.status}`);
  }
  return (await response.json()).greeting;
}
