/** Small screens: there what is beside something elsewhere is below it (the same width as in the style sheets). */
export const SMALL = matchMedia("(max-width: 860px)");
