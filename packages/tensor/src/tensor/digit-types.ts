// Whole numbers as literal types: sum, difference, product and quotient by table look-up, digit by digit as on paper. The work
// grows with the number of digits, not with the value, so 50257 × 768 costs the compiler no more than 28 × 28.

/** `SUM[a][b]` is `a + b` as carry and digit. */
type SUM = [
  ['00', '01', '02', '03', '04', '05', '06', '07', '08', '09'],
  ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10'],
  ['02', '03', '04', '05', '06', '07', '08', '09', '10', '11'],
  ['03', '04', '05', '06', '07', '08', '09', '10', '11', '12'],
  ['04', '05', '06', '07', '08', '09', '10', '11', '12', '13'],
  ['05', '06', '07', '08', '09', '10', '11', '12', '13', '14'],
  ['06', '07', '08', '09', '10', '11', '12', '13', '14', '15'],
  ['07', '08', '09', '10', '11', '12', '13', '14', '15', '16'],
  ['08', '09', '10', '11', '12', '13', '14', '15', '16', '17'],
  ['09', '10', '11', '12', '13', '14', '15', '16', '17', '18'],
]
/** `PRODUCT[a][b]` is `a · b` as carry and digit. */
type PRODUCT = [
  ['00', '00', '00', '00', '00', '00', '00', '00', '00', '00'],
  ['00', '01', '02', '03', '04', '05', '06', '07', '08', '09'],
  ['00', '02', '04', '06', '08', '10', '12', '14', '16', '18'],
  ['00', '03', '06', '09', '12', '15', '18', '21', '24', '27'],
  ['00', '04', '08', '12', '16', '20', '24', '28', '32', '36'],
  ['00', '05', '10', '15', '20', '25', '30', '35', '40', '45'],
  ['00', '06', '12', '18', '24', '30', '36', '42', '48', '54'],
  ['00', '07', '14', '21', '28', '35', '42', '49', '56', '63'],
  ['00', '08', '16', '24', '32', '40', '48', '56', '64', '72'],
  ['00', '09', '18', '27', '36', '45', '54', '63', '72', '81'],
]
/** `DIFFERENCE[a][b]` is `a - b` as borrow and digit. */
type DIFFERENCE = [
  ['00', '19', '18', '17', '16', '15', '14', '13', '12', '11'],
  ['01', '00', '19', '18', '17', '16', '15', '14', '13', '12'],
  ['02', '01', '00', '19', '18', '17', '16', '15', '14', '13'],
  ['03', '02', '01', '00', '19', '18', '17', '16', '15', '14'],
  ['04', '03', '02', '01', '00', '19', '18', '17', '16', '15'],
  ['05', '04', '03', '02', '01', '00', '19', '18', '17', '16'],
  ['06', '05', '04', '03', '02', '01', '00', '19', '18', '17'],
  ['07', '06', '05', '04', '03', '02', '01', '00', '19', '18'],
  ['08', '07', '06', '05', '04', '03', '02', '01', '00', '19'],
  ['09', '08', '07', '06', '05', '04', '03', '02', '01', '00'],
]
/** `QUOTIENT[by][remainder][digit]` is one step of long division: digit of the quotient, next remainder. */
interface QUOTIENT {
  2: [
    ['00', '01', '10', '11', '20', '21', '30', '31', '40', '41'],
    ['50', '51', '60', '61', '70', '71', '80', '81', '90', '91'],
  ]
  3: [
    ['00', '01', '02', '10', '11', '12', '20', '21', '22', '30'],
    ['31', '32', '40', '41', '42', '50', '51', '52', '60', '61'],
    ['62', '70', '71', '72', '80', '81', '82', '90', '91', '92'],
  ]
  4: [
    ['00', '01', '02', '03', '10', '11', '12', '13', '20', '21'],
    ['22', '23', '30', '31', '32', '33', '40', '41', '42', '43'],
    ['50', '51', '52', '53', '60', '61', '62', '63', '70', '71'],
    ['72', '73', '80', '81', '82', '83', '90', '91', '92', '93'],
  ]
}

type At<T, K> = K extends keyof T ? T[K] : never
type At2<T, A, B> = At<At<T, A>, B>

/** Digits of a number, least significant first. */
type Digits<S extends string, Out extends string[] = []> = S extends `${infer D}${infer Rest}`
  ? Digits<Rest, [D, ...Out]>
  : Out
type Written<D extends string[], Out extends string = ''> = D extends [
  infer H extends string,
  ...infer Rest extends string[],
]
  ? Written<Rest, `${H}${Out}`>
  : Out
type WithoutLeadingZeros<S extends string> = S extends '0'
  ? S
  : S extends `0${infer Rest}`
    ? Rest extends ''
      ? '0'
      : WithoutLeadingZeros<Rest>
    : S
type NumberOf<S extends string> = WithoutLeadingZeros<S> extends `${infer N extends number}` ? N : number

/** Sum of two digit lists and a carry. */
type AddDigits<
  A extends string[],
  B extends string[],
  Carry extends string,
  Out extends string[] = [],
> = A extends [infer X, ...infer RestA extends string[]]
  ? B extends [infer Y, ...infer RestB extends string[]]
    ? AddCarry<At2<SUM, X, Y>, Carry, RestA, RestB, Out>
    : AddCarry<`0${X & string}`, Carry, RestA, [], Out>
  : B extends [infer Y, ...infer RestB extends string[]]
    ? AddCarry<`0${Y & string}`, Carry, [], RestB, Out>
    : Carry extends '0'
      ? Out
      : [...Out, Carry]
type AddCarry<
  Pair,
  Carry extends string,
  A extends string[],
  B extends string[],
  Out extends string[],
> = Pair extends `${infer High}${infer Low}`
  ? At2<SUM, Low, Carry> extends `${infer High2}${infer Digit}`
    ? AddDigits<A, B, High extends '1' ? '1' : High2, [...Out, Digit]>
    : never
  : never

/** A digit list times one digit. */
type TimesDigit<A extends string[], D, Carry extends string = '0', Out extends string[] = []> = A extends [
  infer X,
  ...infer Rest extends string[],
]
  ? At2<PRODUCT, X, D> extends `${infer High}${infer Low}`
    ? At2<SUM, Low, Carry> extends `${infer High2}${infer Digit}`
      ? TimesDigit<Rest, D, LastDigit<At2<SUM, High, High2>>, [...Out, Digit]>
      : never
    : never
  : Carry extends '0'
    ? Out
    : [...Out, Carry]
type LastDigit<Pair> = Pair extends `${string}${infer Low}` ? Low : never
type MultiplyDigits<A extends string[], B extends string[], Sum extends string[] = []> = B extends [
  infer D,
  ...infer Rest extends string[],
]
  ? MultiplyDigits<['0', ...A], Rest, AddDigits<Sum, TimesDigit<A, D>, '0'>>
  : Sum

/** Difference of two digit lists; 'negative' when the second is greater. */
type SubtractDigits<
  A extends string[],
  B extends string[],
  Borrow extends string = '0',
  Out extends string[] = [],
> = A extends [infer X, ...infer Rest extends string[]]
  ? At2<DIFFERENCE, X, B extends [infer Y, ...unknown[]] ? Y : '0'> extends `${infer High}${infer Low}`
    ? At2<DIFFERENCE, Low, Borrow> extends `${infer High2}${infer Digit}`
      ? SubtractDigits<
          Rest,
          B extends [unknown, ...infer RestB extends string[]] ? RestB : [],
          High extends '1' ? '1' : High2,
          [...Out, Digit]
        >
      : never
    : never
  : Borrow extends '1'
    ? 'negative'
    : B extends []
      ? Out
      : 'negative'

type LongDivision<
  S extends string,
  By,
  Remainder extends string = '0',
  Out extends string = '',
> = S extends `${infer D}${infer Rest}`
  ? At<At2<QUOTIENT, By, Remainder>, D> extends `${infer Q}${infer R}`
    ? LongDivision<Rest, By, R, `${Out}${Q}`>
    : never
  : [Out, Remainder]

/** `A + B`; `number` where either is not known. */
export type Add<A extends number, B extends number> = number extends A
  ? number
  : number extends B
    ? number
    : NumberOf<Written<AddDigits<Digits<`${A}`>, Digits<`${B}`>, '0'>>>

/** `A - B`, or 'negative'; `number` where either is not known. */
export type Subtract<A extends number, B extends number> = number extends A
  ? number
  : number extends B
    ? number
    : SubtractDigits<Digits<`${A}`>, Digits<`${B}`>> extends infer D
      ? D extends string[]
        ? NumberOf<Written<D>>
        : 'negative'
      : never

/** `A · B`; `number` where either is not known. */
export type Multiply<A extends number, B extends number> = number extends A
  ? number
  : number extends B
    ? number
    : A extends 1
      ? B
      : B extends 1
        ? A
        : NumberOf<Written<MultiplyDigits<Digits<`${A}`>, Digits<`${B}`>>>>

/** `A / B` where B is 1 to 4 and divides A; 'remainder' where it does not, `number` for other divisors. */
export type Divide<A extends number, B extends number> = number extends A
  ? number
  : B extends 1
    ? A
    : B extends keyof QUOTIENT
      ? LongDivision<`${A}`, B> extends [infer Q extends string, infer R]
        ? R extends '0'
          ? NumberOf<Q>
          : 'remainder'
        : number
      : number
