/** The part of picomatch that is used; the package has no types of its own. */
declare module 'picomatch' {
  function picomatch(
    glob: string,
    options?: { dot?: boolean; nobrace?: boolean; noextglob?: boolean; maxLength?: number },
  ): (text: string) => boolean;
  export = picomatch;
}
