/** The result on its way back: a kill at any point loses nothing. */
import { killAtEach } from './src/killAtEach.ts';
import { pointsOfReport } from './src/points.ts';

killAtEach(pointsOfReport);
