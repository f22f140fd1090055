-- Two flowers to learn from: fewer than there are clusters. May be run again: the rows then come once more, under new keys.
CREATE TABLE IF NOT EXISTS iris_train(id SERIAL NOT NULL PRIMARY KEY, sepal_length float, sepal_width float, petal_length float,
    petal_width float, iris_class int);
INSERT INTO iris_train(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (5.0, 3.5, 1.3, 0.3, 0);
INSERT INTO iris_train(sepal_length, sepal_width, petal_length, petal_width, iris_class) VALUES (6.9, 3.2, 5.7, 2.3, 2);
