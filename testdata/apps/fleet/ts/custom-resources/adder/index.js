exports.handler = async ({ RequestType, ResourceProperties: { a, b } }) => {
  console.log(RequestType, a, b);
  return { Data: { Sum: Number(a) + Number(b) } };
};
