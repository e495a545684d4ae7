// The parts of lightweight-charts that the live chart uses, as one object: `koalabCharts`.
export { CandlestickSeries, HistogramSeries, LineSeries, createChart } from "lightweight-charts";
