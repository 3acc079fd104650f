/** Making a formatter takes as long as using it a hundred times, and a list has several in each row: each is made once. */
function madeOnce<Options extends object, Formatter>(make: (language: string, options: Options) => Formatter) {
  const made = new Map<string, Formatter>();
  return (language: string, options: Options): Formatter => {
    const name = `${language} ${JSON.stringify(options)}`;
    const known = made.get(name) ?? make(language, options);
    made.set(name, known);
    return known;
  };
}

export const numberFormat = madeOnce(
  (language, options: Intl.NumberFormatOptions) => new Intl.NumberFormat(language, options),
);
export const timeFormat = madeOnce(
  (language, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(language, options),
);
export const relativeTimeFormat = madeOnce(
  (language, options: Intl.RelativeTimeFormatOptions) => new Intl.RelativeTimeFormat(language, options),
);
