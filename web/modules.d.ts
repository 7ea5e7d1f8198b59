declare module "*.css?url" {
  const address: string;
  export default address;
}
declare module "*?worker" {
  const address: string;
  export default address;
}
declare module "*.css";
